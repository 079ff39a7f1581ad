package esbuildplugin_test

import (
	"fmt"
	"os"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/esbuildplugin"
)

func ExampleNew() {
	monitor := esbuildplugin.New(memtools.MonitorOptions{
		Interval:   time.Second,
		AutoGC:     true,
		OnCritical: func(message string) { fmt.Fprintln(os.Stderr, message) },
	})
	result := api.Build(api.BuildOptions{
		Stdin:   &api.StdinOptions{Contents: "export const answer: number = 42", Loader: api.LoaderTS},
		Plugins: []api.Plugin{monitor},
	})
	fmt.Print(string(result.OutputFiles[0].Contents))
	// Output: export const answer = 42;
}
