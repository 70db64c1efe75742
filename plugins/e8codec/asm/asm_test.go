package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The kernels in the packages are those that this generator writes.
func TestKernelsAreUpToDate(t *testing.T) {
	dir := t.TempDir()
	for _, pkg := range []string{"lattice", "entropy", "half", "calibrated"} {
		// the command is written into the files, so it is the one of go:generate, run elsewhere
		out := filepath.Join(dir, pkg)
		if err := os.Mkdir(out, 0o777); err != nil {
			t.Fatal(err)
		}
		tool := filepath.Join(dir, "asm")
		if msg, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
		cmd := exec.Command(tool, "-kernels", pkg, "-pkg", pkg,
			"-out", filepath.Join(out, "kernels_amd64.s"), "-stubs", filepath.Join(out, "stubs_amd64.go"))
		if msg, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, msg)
		}
		for _, name := range []string{"kernels_amd64.s", "stubs_amd64.go"} {
			got, err := os.ReadFile(filepath.Join(out, name))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("..", pkg, name))
			if err != nil {
				t.Fatal(err)
			}
			if string(withoutCommand(got)) != string(withoutCommand(want)) {
				t.Errorf("%s/%s is not what the generator writes: run go generate ./plugins/e8codec/...", pkg, name)
			}
		}
	}
}

// withoutCommand drops the first line, which names the command.
func withoutCommand(src []byte) []byte {
	for i, c := range src {
		if c == '\n' {
			return src[i:]
		}
	}
	return nil
}
