package vmtest

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// PlanPath is where the initramfs holds the plan.
const PlanPath = "/plan.json"

// A Plan tells /init what to do.
type Plan struct {
	// Modules are paths of kernel modules, in the order to load them.
	Modules []string
	Runs    []Run
}

// A Run is one test binary to run. All paths are those of the initramfs.
type Run struct {
	// Package is the import path of the tested package below the module's.
	Package string
	Binary  string
	// Dir is the working folder; a package's testdata is in it.
	Dir string
	// Tests are the names of the top-level tests to run.
	Tests []string
	// Env is added to a minimal environment, as "KEY=value".
	Env []string
	// Timeout is when the binary panics by itself.
	Timeout time.Duration
}

// ReadPlan reads the plan of this machine.
func ReadPlan() (Plan, error) {
	var p Plan
	data, err := os.ReadFile(PlanPath)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("decode %q: %w", PlanPath, err)
	}
	return p, nil
}
