package proctable

import (
	"bytes"
	"os"
	"strconv"
)

// RaiseOOMScore raises oom_score_adj of pid, and of children that it may already
// have, above that of this process. An absolute figure could make the child the
// safer one: most pods of Kubernetes start far above zero, up to 1000. Raising
// needs no privilege. If it fails, the kernel's choice stays as it was.
func RaiseOOMScore(pid, by int) {
	text, _ := os.ReadFile("/proc/self/oom_score_adj")
	own, _ := strconv.Atoi(string(bytes.TrimSpace(text))) // zero if it cannot be read
	setOOMScoreAdj(pid, min(own+by, 1000))
}

func setOOMScoreAdj(pid, adj int) {
	p := strconv.Itoa(pid)
	_ = os.WriteFile("/proc/"+p+"/oom_score_adj", strconv.AppendInt(nil, int64(adj), 10), 0)
	children, _ := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	for f := range bytes.FieldsSeq(children) {
		if child, err := strconv.Atoi(string(f)); err == nil {
			setOOMScoreAdj(child, adj)
		}
	}
}
