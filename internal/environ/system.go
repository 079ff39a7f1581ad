package environ

// Variables of the system and of conventions that many programs share.
const (
	// Path lists the folders of programs.
	Path = "PATH"
	// PathExt lists the endings of programs, on Windows.
	PathExt = "PATHEXT"
	// PWD is the working folder, as shells keep it.
	PWD = "PWD"
	// Home is the user's folder.
	Home = "HOME"
	// UserProfile is the user's folder on Windows.
	UserProfile = "USERPROFILE"
	// XDGCacheHome and LocalAppData are folders for what programs keep, on Windows the
	// latter; XDGConfigHome is that for settings.
	XDGCacheHome  = "XDG_CACHE_HOME"
	LocalAppData  = "LOCALAPPDATA"
	XDGConfigHome = "XDG_CONFIG_HOME"
	// Term names the kind of the terminal.
	Term = "TERM"
	// NoColor switches colours off unless it is empty (https://no-color.org).
	NoColor = "NO_COLOR"
	// ForceColor switches colours on for an output that is no terminal; "0" and
	// "false" switch them off. Set for scripts whose output ends on one.
	ForceColor = "FORCE_COLOR"
	// GoMemLimit is the soft memory limit of a Go program, in bytes. Set for
	// scripts unless the user did, and for Go workers of a pool.
	GoMemLimit = "GOMEMLIMIT"
	// KubernetesHost is set in every container of a Kubernetes cluster. Read by
	// memory:doctor.
	KubernetesHost = "KUBERNETES_SERVICE_HOST"
	// Display and WaylandDisplay name the screen for windows, but on macOS and Windows.
	Display        = "DISPLAY"
	WaylandDisplay = "WAYLAND_DISPLAY"
)
