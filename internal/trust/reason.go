package trust

// Reason is why a job writes a tier, or none.
type Reason int

// The reasons.
const (
	// Unclear is the zero value, so that what is forgotten grants nothing.
	Unclear Reason = iota
	DefaultBranch
	ProtectedBranch
	PullRequest
	MergeQueue
	OthersCode
	OtherEvent
	OtherBranch
	Fork
	ByHand
	OtherCI
	NoCI
	Told
	Forbidden
)

var sentences = map[Reason]string{
	Unclear:         "the CI system's variables are missing or contradict each other",
	DefaultBranch:   "it builds the default branch",
	ProtectedBranch: "it builds a protected branch",
	PullRequest:     "a pull request has a tier of its own",
	MergeQueue:      "what is merged is checked against trusted results alone",
	OthersCode:      "its event can run others' code with the rights of the default branch",
	OtherEvent:      "its event is none that builds the default branch",
	OtherBranch:     "it builds another branch, or a tag",
	Fork:            "the repository is a fork",
	ByHand:          "its branch was named by who started it, and may not hold the commit",
	OtherCI:         "there is no rule for this CI system",
	NoCI:            "it is no job of a CI system",
	Told:            "cache.write is always",
	Forbidden:       "cache.write is never",
}

// String is the reason in a short sentence, without a full stop.
func (r Reason) String() string { return sentences[r] }

// final reports whether cache.write: always changes nothing: the job may run code that nobody has
// reviewed, or cannot be told from one that does.
func (r Reason) final() bool {
	switch r {
	case Unclear, MergeQueue, OthersCode, OtherEvent, PullRequest:
		return true
	default:
		return false
	}
}
