package ci_test

import (
	"fmt"

	"github.com/heapmage/heapmage/ci"
)

func ExampleDetect() {
	// os.Getenv in a program; a fixed environment here.
	getenv := func(name string) string {
		return map[string]string{"CI": "true", "GITLAB_CI": "true"}[name]
	}
	switch system := ci.Detect(getenv); system {
	case ci.None:
		fmt.Println("at a developer's desk")
	case ci.GitHubActions:
		fmt.Println("::group::build")
	default:
		fmt.Println("on", system)
	}
	// Output: on GitLab CI
}

func ExampleColor() {
	getenv := func(name string) string {
		return map[string]string{"FORCE_COLOR": "1"}[name]
	}
	fmt.Println(ci.Color(getenv, false))
	// Output: true
}
