package filetree

// Why is the reason for a refusal.
type Why int

// The reasons.
const (
	// Unreadable means that a file cannot be read.
	Unreadable Why = iota + 1
	// Changed means that a file changed while it was read.
	Changed
	// Unexpected means that a file is not what the caller said it is.
	Unexpected
	// Unsuitable means that it can be stored on no system: two things have one path, it is
	// no file, folder or link, a name is not UTF-8.
	Unsuitable
	// Blocked means that something is in the way that may not be overwritten or removed.
	Blocked
	// Unusable means that a path cannot be one on this system.
	Unusable
)

var sentences = map[Why]string{
	Unreadable: "it cannot be read",
	Changed:    "it changed while it was stored",
	Unexpected: "it is not what the task left",
	Unsuitable: "it cannot be stored",
	Blocked:    "something is in the way that heapmage does not overwrite",
	Unusable:   "it cannot have this name here",
}

func (w Why) String() string { return sentences[w] }

// Refusal is the error if a file is not read, or nothing is put back.
type Refusal struct {
	Why Why
	// Path is that of the file.
	Path string
	// Err is the cause. It may be nil.
	Err error
}

// Error tells the path, the reason and the cause, in one line.
func (r *Refusal) Error() string {
	text := r.Path + ": " + r.Why.String()
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(why Why, path string, err error) error { return &Refusal{why, path, err} }
