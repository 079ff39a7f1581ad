package ci_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/heapmage/heapmage/ci"
)

func ExampleDetect() {
	// os.Getenv in a program; a fixed environment here.
	getenv := func(name string) string {
		return map[string]string{"CI": "true", "GITLAB_CI": "true"}[name]
	}
	if system := ci.Detect(getenv); system == ci.None {
		fmt.Println("at a developer's desk")
	} else {
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

func ExampleGroup() {
	system := ci.GitHubActions // ci.Detect(os.Getenv)
	g := ci.Group{ID: "web", Title: "Output of web"}
	fmt.Print(g.Start(system, time.Now()))
	for line := range strings.SplitSeq("checked 12 files\n::set-output name=x::y", "\n") {
		fmt.Printf("%s\n", system.AppendInert(nil, []byte(line)))
	}
	fmt.Print(g.End(system, time.Now()))
	// Output:
	// ::group::Output of web
	// checked 12 files
	// \x3a\x3aset-output name=x::y
	// ::endgroup::
}

func ExampleAnnotation_Command() {
	a := ci.Annotation{File: "packages/core/src/a.ts", Line: 3, Column: 7, Title: "core", Message: "Type 'string' is not assignable to type 'number'."}
	fmt.Print(a.Command(ci.GitHubActions), a.Command(ci.AzurePipelines))
	// Output:
	// ::error title=core,file=packages/core/src/a.ts,line=3,col=7::Type 'string' is not assignable to type 'number'.
	// ##vso[task.logissue type=error;sourcepath=packages/core/src/a.ts;linenumber=3;columnnumber=7]core: Type 'string' is not assignable to type 'number'.
}

func ExampleSystem_Mask() {
	fmt.Print(ci.GitHubActions.Mask("first line\n50 %"))
	// Output:
	// ::add-mask::first line
	// ::add-mask::50 %25
}

func ExampleSetOutput() {
	getenv := func(string) string { return "" } // os.Getenv in a program
	if err := ci.SetOutput(getenv, "packages", "core\nweb"); errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("nothing takes outputs here")
	}
	// Output: nothing takes outputs here
}
