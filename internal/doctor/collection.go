package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/heapmage/heapmage/internal/script"
	"github.com/heapmage/heapmage/memtools"
	"github.com/heapmage/heapmage/memtools/v8heap"
)

// garbage is a program that drops 32 MB and then never returns to its event loop.
const garbage = `let dropped = []; for (let i = 0; i < 32; i++) dropped.push(new Array(131072).fill(1.5)); dropped = null;
require("fs").writeFileSync(process.argv[1], ""); const end = Date.now() + 20000; while (Date.now() < end);`

// invalidArgument is the exit code of a Node that refuses its options, see
// "Exit codes" in Node's documentation of process.
const invalidArgument = 9

// tryCollection forces a collection in a real Node process, within 15 s. refused
// is Node's message if it does not accept its options.
func tryCollection(ctx context.Context, s *script.Settings, o script.Options) (freed memtools.Bytes, refused string, err error) {
	server, err := v8heap.Listen("")
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	o.NodeOptions, o.Extra = server.Options(), server.Env()
	ready := filepath.Join(server.Dir(), "ready")
	c := exec.CommandContext(ctx, s.Node.Path, "-e", garbage, ready)
	c.Env = s.NodeEnvironment(o)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		return 0, "", err
	}
	ended := make(chan struct{}) // closed by the goroutine, once failure is set
	var failure error
	go func() {
		defer close(ended)
		failure = c.Wait()
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			if c.ProcessState.ExitCode() == invalidArgument {
				line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
				return 0, line, nil
			}
			return 0, "", fmt.Errorf("the child ended: %w", failure)
		case <-tick.C:
		}
		if _, err := os.Stat(ready); err == nil && len(server.Processes()) > 0 {
			break
		}
	}
	got, err := server.Collect(ctx, server.Processes()[0].PID)
	cancel() // ends the child
	<-ended
	return got.Freed(), "", err
}
