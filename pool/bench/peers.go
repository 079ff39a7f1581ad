package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/heapmage/heapmage/internal/proc"
)

//go:embed peers/*.mjs peers/*.cjs
var peerFiles embed.FS

// peerVersions are what npm installs. They are exact, so that two runs compare.
var peerVersions = []string{"piscina@5.3.2", "jest-worker@30.5.1", "tinypool@2.2.0", "workerpool@10.0.3"}

// peers are the pools beside ours. Those of processes come first.
var peers = []struct{ name, title string }{
	{"jest-worker/child_process", "jest-worker, processes"},
	{"tinypool/child_process", "tinypool, processes"},
	{"workerpool/process", "workerpool, processes"},
	{"piscina", "piscina, threads"},
	{"jest-worker/worker_threads", "jest-worker, threads"},
	{"tinypool/worker_threads", "tinypool, threads"},
	{"workerpool/worker_threads", "workerpool, threads"},
}

// install puts the peers and their script into dir.
func install(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files, err := peerFiles.ReadDir("peers")
	if err != nil {
		return err
	}
	for _, f := range files { // over those of the last run, if the folder was kept
		text, err := peerFiles.ReadFile("peers/" + f.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name()), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true}`), 0o600); err != nil {
		return err
	}
	_, err = output(dir, append([]string{"npm", "install", "--no-audit", "--no-fund", "--silent"}, peerVersions...)...)
	return err
}

func measurePeer(dir, name string, s size) (result, error) {
	config, err := json.Marshal(s)
	if err != nil {
		return result{}, err
	}
	out, err := output(dir, "node", "peers.mjs", name, string(config))
	if err != nil {
		return result{}, err
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	var r result
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return r, nil
}

// output runs a command and returns what it writes.
func output(dir string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	p, err := proc.Start(proc.Command{Args: args, Dir: dir, Output: &out})
	if err != nil {
		return nil, err
	}
	if r := p.Wait(); !r.Success() {
		return nil, fmt.Errorf("%v: exit code %d %s\n%s", args, r.ExitCode, r.Signal, &out)
	}
	return out.Bytes(), nil
}
