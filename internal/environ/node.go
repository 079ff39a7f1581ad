package environ

// Variables of Node.js.
const (
	// NodeOptions holds command-line options for every Node process, split at
	// spaces outside of double quotes. Set for scripts: the user's options, those
	// of the package manager's settings, the heap limit, and the heap agent.
	NodeOptions = "NODE_OPTIONS"
	// NodeNoWarnings is "1" to silence Node's warnings. Set when Node is asked
	// for its version.
	NodeNoWarnings = "NODE_NO_WARNINGS"
	// NodeChannelFD is the descriptor of Node's IPC channel, as child_process.fork
	// sets it. Set by package pool for workers that are Node scripts.
	NodeChannelFD = "NODE_CHANNEL_FD"
	// NodeChannelSerialization is how messages on that channel are written; the
	// pool sets "json".
	NodeChannelSerialization = "NODE_CHANNEL_SERIALIZATION_MODE"
)

// Variables that npm and its like set for package scripts; internal/script sets
// them as the workspace's manager would (@npmcli/run-script for
// npm). Their letter case is npm's.
const (
	// Node is the path of the node program.
	Node = "NODE"
	// NPMNodeExecPath is that path again, under npm's own name.
	NPMNodeExecPath = "npm_node_execpath"
	// NPMExecPath is the path of the package manager's program.
	NPMExecPath = "npm_execpath"
	// NPMCommand is the manager's command: "run-script", or "run" with npm 11.
	NPMCommand = "npm_command"
	// NPMUserAgent is such as "npm/10.9.2 node/v22.23.1 linux x64 workspaces/false".
	NPMUserAgent = "npm_config_user_agent"
	// NPMLocalPrefix is the workspace's root.
	NPMLocalPrefix = "npm_config_local_prefix"
	// NPMNodeGyp is the path of the node-gyp that comes with npm.
	NPMNodeGyp = "npm_config_node_gyp"
	// NPMConfigPrefix begins the variables that set npm's settings, in any letter case.
	NPMConfigPrefix = "npm_config_"
	// NPMScriptShell sets the shell in which npm, pnpm up to 10 and yarn 1 run scripts.
	NPMScriptShell = NPMConfigPrefix + "script_shell"
	// PNPMConfigPrefix begins the variables that set pnpm's settings from version 11 on, in
	// small or in capital letters.
	PNPMConfigPrefix = "pnpm_config_"
	// PNPMScriptShell sets that shell for pnpm from 11 on.
	PNPMScriptShell = PNPMConfigPrefix + "script_shell"
	// NPMGlobalPrefix is the folder of what npm installs globally, if no setting names
	// one. Read only.
	NPMGlobalPrefix = "PREFIX"
	// CorepackHome is the folder in which Corepack keeps package managers. Read only.
	CorepackHome = "COREPACK_HOME"
	// NPMLifecyclePrefix begins the variables on the script that runs. Those of an
	// outer "npm run" are dropped.
	NPMLifecyclePrefix = "npm_lifecycle_"
	// NPMLifecycleEvent is the script's name: "prebuild".
	NPMLifecycleEvent = NPMLifecyclePrefix + "event"
	// NPMLifecycleScript is the script's text, with the arguments that follow it.
	NPMLifecycleScript = NPMLifecyclePrefix + "script"
	// NPMPackagePrefix begins the variables on the package whose script runs.
	// Those of an outer "npm run" are dropped.
	NPMPackagePrefix = "npm_package_"
	// NPMPackageJSON is the path of the package's package.json.
	NPMPackageJSON = NPMPackagePrefix + "json"
	// NPMPackageName is the package's name; not set if it has none.
	NPMPackageName = NPMPackagePrefix + "name"
	// NPMPackageVersion is the package's version.
	NPMPackageVersion = NPMPackagePrefix + "version"
	// NPMPackageBin begins the fields of "bin".
	NPMPackageBin = NPMPackagePrefix + "bin"
	// NPMPackageConfig begins the fields of "config".
	NPMPackageConfig = NPMPackagePrefix + "config"
	// NPMPackageEngines begins the fields of "engines".
	NPMPackageEngines = NPMPackagePrefix + "engines"
	// InitCWD is the folder in which the user started the run.
	InitCWD = "INIT_CWD"
	// Editor is the program that edits text; "vi" if the user set none.
	Editor = "EDITOR"
	// Color is npm's word on colours: "1" or "0".
	Color = "COLOR"
	// PNPMSourceDir is the package's folder. Set by pnpm.
	PNPMSourceDir = "PNPM_SCRIPT_SRC_DIR"
	// YarnWrapOutput is "false". Set by yarn 1.
	YarnWrapOutput = "YARN_WRAP_OUTPUT"
	// BerryBinFolder is the folder of the programs that yarn 2 and newer add to PATH.
	BerryBinFolder = "BERRY_BIN_FOLDER"
	// YarnFiles lists the files from which yarn 4 and newer read variables when they start, with
	// commas between; "?" ends the name of one that may be missing. Set for scripts if one of
	// those files has NODE_OPTIONS, which heapmage has merged.
	YarnFiles = "YARN_INJECT_ENVIRONMENT_FILES"
	// ProjectCWD is the workspace's root. Set by yarn 2 and newer.
	ProjectCWD = "PROJECT_CWD"
)
