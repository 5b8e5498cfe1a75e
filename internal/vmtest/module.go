package vmtest

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// WantedModules are the kernel modules that tests use, without those that these
// depend on. What a kernel has built in is skipped.
var WantedModules = []string{
	"veth", "dummy", "tun", "bridge", "8021q",
	"sch_netem", "vxlan", "sch_tbf", "sch_htb", "sch_ingress", "cls_bpf",
	"inet_diag", "tcp_diag", "udp_diag",
	"nf_tables", "nf_conntrack", "nft_ct", "nft_limit", "nft_numgen", "nft_reject_inet",
	"nft_chain_nat", "nft_masq", "nft_nat",
}

// A Module is a kernel module, decompressed.
type Module struct {
	Name string
	Data []byte
}

// Modules returns the wanted modules and those that they depend on, each after
// its dependencies, so they can be loaded one after the other.
func (i Image) Modules(ctx context.Context, wanted []string) ([]Module, error) {
	files, err := i.moduleFiles()
	if err != nil {
		return nil, err
	}
	load := func(name string) (Module, []string, error) {
		path, ok := files[name]
		if !ok {
			return Module{}, nil, fs.ErrNotExist
		}
		data, err := readModule(ctx, path)
		if err != nil {
			return Module{}, nil, err
		}
		depends, err := dependencies(data)
		return Module{name, data}, depends, err
	}
	return sortModules(wanted, i.builtin(), load)
}

// sortModules walks the graph of dependencies depth first.
func sortModules(wanted, builtin []string, load func(string) (Module, []string, error)) ([]Module, error) {
	var sorted []Module
	done := make(map[string]bool)
	for _, name := range builtin {
		done[name] = true
	}
	var visit func(string) error
	visit = func(name string) error {
		if done[name] {
			return nil
		}
		done[name] = true
		module, depends, err := load(name)
		if err != nil {
			return fmt.Errorf("load module %q: %w", name, err)
		}
		for _, d := range depends {
			if err := visit(d); err != nil {
				return err
			}
		}
		sorted = append(sorted, module)
		return nil
	}
	for _, name := range wanted {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return sorted, nil
}

// moduleFiles maps the names of all modules to their files. A file may say "-"
// where the module says "_".
func (i Image) moduleFiles() (map[string]string, error) {
	files := make(map[string]string)
	root := filepath.Join(i.Root, "lib", "modules", i.Release)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok && err == nil && !entry.IsDir() {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	return files, err
}

// builtin lists what is not a module on this kernel, from modules.builtin.
func (i Image) builtin() []string {
	data, err := os.ReadFile(filepath.Join(i.Root, "lib", "modules", i.Release, "modules.builtin"))
	if err != nil {
		return nil // then the walk says which module is missing
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		name := strings.TrimSuffix(filepath.Base(strings.TrimSpace(line)), ".ko")
		names = append(names, strings.ReplaceAll(name, "-", "_"))
	}
	return names
}

// readModule decompresses with xz, because a kernel may lack the code to do so.
func readModule(ctx context.Context, path string) ([]byte, error) {
	if !strings.HasSuffix(path, ".xz") {
		return os.ReadFile(path)
	}
	out, err := exec.CommandContext(ctx, "xz", "-dc", path).Output()
	if err != nil {
		return nil, fmt.Errorf("decompress %s with xz: %w", path, err)
	}
	return out, nil
}

// dependencies reads the list that the kernel build put into the module. The
// packages hold no modules.dep: depmod makes it when they are installed.
func dependencies(module []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("no section .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	return dependsOf(info), nil
}

// dependsOf picks the dependencies from NUL-terminated "key=value" strings.
func dependsOf(info []byte) []string {
	for entry := range bytes.SplitSeq(info, []byte{0}) {
		if list, ok := strings.CutPrefix(string(entry), "depends="); ok {
			names := strings.Split(strings.ReplaceAll(list, "-", "_"), ",")
			return slices.DeleteFunc(names, func(s string) bool { return s == "" })
		}
	}
	return nil
}
