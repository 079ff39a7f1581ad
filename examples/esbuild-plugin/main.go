// Command esbuild-plugin bundles a TypeScript file with esbuild's Go API and watches
// how much memory that takes:
//
//	go run ./examples/esbuild-plugin examples/esbuild-plugin/src/main.ts
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/esbuildplugin"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: esbuild-plugin FILE…")
		os.Exit(2)
	}
	result := api.Build(api.BuildOptions{
		EntryPoints: os.Args[1:],
		Bundle:      true,
		Outdir:      "dist",
		LogLevel:    api.LogLevelInfo,
		Write:       true,
		Plugins: []api.Plugin{esbuildplugin.New(memtools.MonitorOptions{
			Interval: 30 * time.Second,
			AutoGC:   true,
			Verbose:  true,
		})},
	})
	fmt.Println("💾 Memory:", memtools.FormatUsage())
	if len(result.Errors) > 0 {
		os.Exit(1)
	}
}
