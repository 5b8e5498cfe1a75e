package vmtest

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/packetscope/packetscope/internal/debian"
)

// A Kernel is one of Debian's kernels to test on.
type Kernel struct {
	// Version is the release series, such as "6.1".
	Version string
	// Meta is the Debian package that depends on the newest image.
	Meta string
	// Hooks are the hook families to run the tests with; see testnet.Hooks.
	Hooks []string
}

// Kernels are those of Debian 12, old and new.
var Kernels = []Kernel{
	// Without netfilter links (Linux 6.4) and TCX (6.6).
	{"6.1", "linux-image-cloud-amd64", []string{"auto", "trampoline", "kprobe"}},
	{"6.12", "linux-image-6.12-cloud-amd64", []string{"auto", "trampoline", "kprobe", "net"}},
}

// An Image is an unpacked kernel package.
type Image struct {
	// Root is the folder it was unpacked to.
	Root string
	// Release is what uname -r says.
	Release string
}

// Kernel returns the path of the compressed kernel.
func (i Image) Kernel() string { return filepath.Join(i.Root, "boot", "vmlinuz-"+i.Release) }

// Fetch downloads and unpacks the kernel, unless the cache folder has it.
func (k Kernel) Fetch(ctx context.Context, cache string) (Image, error) {
	depends, err := debian.Depends(ctx, k.Meta)
	if err != nil {
		return Image{}, err
	}
	name := imageOf(depends)
	if name == "" {
		return Image{}, fmt.Errorf("package %q names no kernel image (try apt-get update, as root)", k.Meta)
	}
	root, err := debian.Unpack(ctx, cache, name)
	return Image{Root: root, Release: strings.TrimPrefix(name, imagePrefix)}, err
}

const imagePrefix = "linux-image-"

// imageOf picks the image from what the meta package depends on.
func imageOf(depends []string) string {
	for _, name := range depends {
		if strings.HasPrefix(name, imagePrefix) {
			return name
		}
	}
	return ""
}
