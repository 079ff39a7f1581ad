package ci

import (
	"strings"
	"unicode"
)

var (
	githubDataBack     = strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n")
	githubPropertyBack = strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",")
	azureBack          = strings.NewReplacer("%AZP25", "%", "%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]")
)

// parse reads a line as GitHub's runner or Azure's agent does. Names are in lower case.
func (s System) parse(line string) (name string, properties map[string]string, data string, ok bool) {
	var back, dataBack *strings.Replacer
	comma, found := ",", false
	switch s {
	case GitHubActions:
		back, dataBack = githubPropertyBack, githubDataBack
		line, found = strings.CutPrefix(strings.TrimLeftFunc(line, unicode.IsSpace), "::")
		name, data, ok = strings.Cut(line, "::")
	case AzurePipelines:
		back, dataBack, comma = azureBack, azureBack, ";"
		_, line, found = strings.Cut(line, "##vso[")
		name, data, ok = strings.Cut(line, "]")
	default:
		return "", nil, "", false
	}
	if !ok || !found {
		return "", nil, "", false
	}
	name, list, _ := strings.Cut(name, " ")
	properties = map[string]string{}
	for one := range strings.SplitSeq(strings.TrimSpace(list), comma) {
		if key, value, ok := strings.Cut(one, "="); ok {
			properties[strings.ToLower(key)] = back.Replace(value)
		}
	}
	return strings.ToLower(name), properties, dataBack.Replace(data), true
}
