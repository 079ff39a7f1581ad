package taskenv

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// alwaysKeyed change what most tools build.
var alwaysKeyed = []string{"NODE_ENV", "NODE_OPTIONS"}

// keyedInTests change what tests do. Elsewhere they are of those that are seldom keyed.
var keyedInTests = []string{"TZ", "LANG", "LANGUAGE", "LC_*", "CI"}

// neverKeyed are passed and differ from machine to machine: where programs and the user's
// folders are, how to reach the network, and what proves who he is. A declaration can key
// them all the same.
var neverKeyed = strings.Fields(`
	PATH HOME USER LOGNAME TMPDIR TMP TEMP PWD OLDPWD SHLVL _
	PATHEXT COMSPEC SYSTEMROOT SYSTEMDRIVE WINDIR USERPROFILE USERNAME USERDOMAIN HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA =*
	HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY FTP_PROXY http_proxy https_proxy no_proxy all_proxy ftp_proxy
	SSH_AUTH_SOCK SSH_AGENT_PID SSH_ASKPASS GIT_ASKPASS GPG_TTY NETRC
	NPM_TOKEN NODE_AUTH_TOKEN YARN_NPM_AUTH_TOKEN GITHUB_TOKEN GH_TOKEN GITLAB_TOKEN CI_JOB_TOKEN SENTRY_AUTH_TOKEN
	AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN GOOGLE_APPLICATION_CREDENTIALS`)

// seldomKeyed are passed because programs need them, and keyed only if they are named:
// otherwise no result could be shared between a laptop and CI.
var seldomKeyed = append(strings.Fields(`
	INIT_CWD SHELL HOSTNAME COMPUTERNAME OS XDG_* DBUS_SESSION_BUS_ADDRESS LD_LIBRARY_PATH DYLD_*
	TERM TERM_* COLORTERM COLORFGBG COLUMNS LINES NO_COLOR FORCE_COLOR CLICOLOR CLICOLOR_FORCE DISPLAY WAYLAND_DISPLAY XAUTHORITY
	SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS CURL_CA_BUNDLE REQUESTS_CA_BUNDLE GIT_SSL_CAINFO GIT_SSH GIT_SSH_COMMAND AWS_PROFILE
	npm_* NPM_CONFIG_* PNPM_* pnpm_* YARN_* COREPACK_* BERRY_BIN_FOLDER PROJECT_CWD NODE EDITOR COLOR
	NVM_* FNM_* VOLTA_* ASDF_* MISE_* NODENV_* N_PREFIX BUN_INSTALL DENO_DIR JAVA_HOME ANDROID_HOME ANDROID_SDK_ROOT
	GOPATH GOROOT GOCACHE GOMODCACHE GOPROXY CARGO_HOME RUSTUP_HOME PYENV_* RBENV_* VIRTUAL_ENV
	PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 COMMONPROGRAMFILES COMMONPROGRAMFILES(X86)
	NUMBER_OF_PROCESSORS PROCESSOR_* PSModulePath ProgramFiles ProgramFiles(x86) SystemRoot`), keyedInTests...)

// turboPasses are what Turborepo passes in its strict mode without being told, as its
// documentation and version 2 have it; not keyed.
var turboPasses = strings.Fields(`
	PATH HOME USER TZ LANG SHELL PWD XDG_RUNTIME_DIR XAUTHORITY DBUS_SESSION_BUS_ADDRESS CI NODE_OPTIONS COREPACK_HOME
	LD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH LIBPATH LD_PRELOAD DYLD_INSERT_LIBRARIES COLORTERM TERM TERM_PROGRAM DISPLAY
	TMP TEMP WINDIR ProgramFiles ProgramFiles(x86) VSCODE_* ELECTRON_RUN_AS_NODE DOCKER_* BUILDKIT_* COMPOSE_* JB_IDE_*
	JB_INTERPRETER _JETBRAINS_TEST_RUNNER_RUN_SCOPE_TYPE VERCEL VERCEL_* NEXT_* USE_OUTPUT_FOR_EDGE_FUNCTIONS NOW_BUILDER
	VC_MICROFRONTENDS_CONFIG_FILE_NAME GITHUB_* RUNNER_* APPDATA LOCALAPPDATA PROGRAMDATA SYSTEMROOT SYSTEMDRIVE USERPROFILE
	HOMEDRIVE HOMEPATH PATHEXT PNPM_HOME NPM_CONFIG_STORE_DIR =*`)

// nitro is what the server of Nuxt and others reads of where it is built.
const nitro = "NITRO_* SERVER_* AWS_APP_ID INPUT_AZURE_STATIC_WEB_APPS_API_TOKEN CLEAVR CF_PAGES FIREBASE_APP_HOSTING NETLIFY STORMKIT NOW_BUILDER ZEABUR RENDER"

// frameworks are the variables that bundlers put into what they build, by what a package
// depends on: Turborepo's table (its frameworks.json), where a framework needs one of the
// dependencies.
var frameworks = []struct{ dependencies, variables string }{
	{"astro", "PUBLIC_*"},
	{"blitz", "NEXT_PUBLIC_*"},
	{"react-scripts react-dev-utils", "REACT_APP_*"},
	{"expo", "EXPO_PUBLIC_*"},
	{"gatsby", "GATSBY_*"},
	{"next", "NEXT_PUBLIC_* VERCEL_SKEW_PROTECTION_ENABLED VERCEL_DEPLOYMENT_ID"},
	{"nitropack nitropack-nightly nitro nitro-nightly", nitro},
	{"nuxt nuxt-edge nuxt3 nuxt3-edge", "NUXT_* LAUNCH_EDITOR " + nitro},
	{"@redwoodjs/core", "REDWOOD_ENV_*"},
	{"@remix-run/dev @remix-run/react @remix-run/serve @react-router/dev", "REMIX_*"},
	{"@sanity/cli sanity", "SANITY_STUDIO_*"},
	{"solid-start @solidjs/start", "VITE_*"},
	{"@sveltejs/kit", "VITE_* PUBLIC_*"},
	{"vite", "VITE_*"},
	{"@vue/cli-service", "VUE_APP_* LAUNCH_EDITOR"},
}

// frameworkNames are all that stands for a framework among dependencies, as JSON has it.
var frameworkNames = func() (names [][]byte) {
	for _, f := range frameworks {
		for name := range strings.FieldsSeq(f.dependencies) {
			names = append(names, []byte(strconv.Quote(name)))
		}
	}
	return names
}()

// NamesFramework reports whether the text of a package.json may have a framework among its
// dependencies: then it has to be read.
func NamesFramework(text []byte) bool {
	return bytes.IndexByte(text, '\\') >= 0 || slices.ContainsFunc(frameworkNames, func(name []byte) bool { return bytes.Contains(text, name) })
}

// frameworkPatterns are the variables of the frameworks that a package depends on.
func frameworkPatterns(dependencies []string) (found []string) {
	for _, f := range frameworks {
		if slices.ContainsFunc(strings.Fields(f.dependencies), func(name string) bool { return slices.Contains(dependencies, name) }) {
			found = append(found, strings.Fields(f.variables)...)
		}
	}
	return found
}
