package vmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// An Initramfs is everything that a machine has. The zero value is empty.
type Initramfs struct {
	plan  Plan
	files map[string][]byte
}

// AddInit adds the program that the kernel starts.
func (r *Initramfs) AddInit(program string) error { return r.addFile("init", program) }

// AddModules adds kernel modules, to be loaded in their order.
func (r *Initramfs) AddModules(modules []Module) {
	for _, m := range modules {
		name := "modules/" + m.Name + ".ko"
		r.add(name, m.Data)
		r.plan.Modules = append(r.plan.Modules, "/"+name)
	}
}

// AddSuite adds a test binary and the testdata of its package, which is in a
// folder of the given module. run says how to run it; its paths are filled in.
func (r *Initramfs) AddSuite(module, binary string, run Run) error {
	dir := path.Join("src", run.Package)
	run.Dir, run.Binary = "/"+dir, "/"+path.Join("test", filepath.Base(binary))
	r.plan.Runs = append(r.plan.Runs, run)
	if err := r.addFile(run.Binary[1:], binary); err != nil {
		return err
	}
	r.add(path.Join(dir, ".keep"), nil)
	return r.addTree(path.Join(dir, "testdata"), filepath.Join(module, run.Package, "testdata"))
}

// addTree adds a folder of the host, if there is one.
func (r *Initramfs) addTree(to, from string) error {
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return nil
	}
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return r.addFile(path.Join(to, filepath.ToSlash(rel)), name)
	})
}

func (r *Initramfs) addFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err == nil {
		r.add(to, data)
	}
	return err
}

func (r *Initramfs) add(name string, data []byte) {
	if r.files == nil {
		r.files = make(map[string][]byte)
	}
	r.files[name] = data
}

// WriteTo writes the archive. It is not compressed: QEMU copies it faster than
// an emulated processor unpacks it.
func (r *Initramfs) WriteTo(w io.Writer) (int64, error) {
	plan, err := json.MarshalIndent(r.plan, "", "\t")
	if err != nil {
		return 0, fmt.Errorf("encode plan: %w", err)
	}
	r.add(PlanPath[1:], plan)
	archive := &cpioWriter{w: w}
	var names []string
	dirs := map[string]bool{}
	for name := range r.files {
		names = append(names, name)
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}
	for dir := range dirs {
		names = append(names, dir)
	}
	slices.Sort(names) // a folder sorts before what is in it
	for _, name := range names {
		if dirs[name] {
			archive.Dir(name)
		} else {
			archive.File(name, r.files[name])
		}
	}
	err = archive.Close()
	return archive.size, err
}
