package ci

import "strings"

// Mask returns the lines that hide a secret in all that follows in the log, with their ends. Each
// line of a secret is hidden by itself. It is empty if the system hides no text that a program
// names: do not print the secret there. The lines themselves are not shown, so they must reach
// the system as they are.
func (s System) Mask(secret string) string {
	var b strings.Builder
	for line := range strings.FieldsFuncSeq(secret, func(r rune) bool { return r == '\n' || r == '\r' }) {
		switch {
		case strings.TrimSpace(line) == "": // it would hide what divides words
		case s == GitHubActions:
			b.WriteString("::add-mask::" + githubData.Replace(line) + "\n")
		case s == AzurePipelines:
			b.WriteString("##vso[task.setsecret]" + azureText.Replace(line) + "\n")
		}
	}
	return b.String()
}

// ParseMask reads the secret that a line of a program's output, given without its end, hides on
// GitHub Actions or Azure Pipelines. ok is false if it hides none.
func (s System) ParseMask(line string) (secret string, ok bool) {
	name, _, data, ok := s.parse(line)
	if !ok || strings.TrimSpace(data) == "" {
		return "", false
	}
	return data, s == GitHubActions && name == "add-mask" || s == AzurePipelines && name == "task.setsecret"
}
