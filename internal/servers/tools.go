package servers

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/packetscope/packetscope/internal/debian"
)

// Tools are the paths of the programs.
type Tools struct {
	Prometheus, Promtool, Alertmanager, Amtool string
}

// FindTools looks for the programs on PATH, under their own names and Debian's, and
// unpacks the packages of those that are missing.
func FindTools(ctx context.Context) (Tools, error) {
	cache, err := debian.CacheDir()
	if err != nil {
		return Tools{}, err
	}
	var found Tools
	for _, want := range []struct {
		path  *string
		of    string // Debian's package
		names []string
	}{
		{&found.Prometheus, "prometheus", []string{"prometheus"}},
		{&found.Promtool, "prometheus", []string{"promtool"}},
		{&found.Alertmanager, "prometheus-alertmanager", []string{"alertmanager", "prometheus-alertmanager"}},
		{&found.Amtool, "prometheus-alertmanager", []string{"amtool"}},
	} {
		if *want.path = onPath(want.names); *want.path != "" {
			continue
		}
		root, err := debian.Unpack(ctx, cache, want.of)
		if err != nil {
			return Tools{}, fmt.Errorf("no %s on PATH, and Debian's cannot be had: %w", want.names[0], err)
		}
		*want.path = filepath.Join(root, "usr/bin", want.names[len(want.names)-1])
	}
	return found, nil
}

func onPath(names []string) string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// A Version is the release of a program.
type Version struct{ Major, Minor int }

var versionLine = regexp.MustCompile(`version (\d+)\.(\d+)`)

// VersionOf asks a program for its version.
func VersionOf(ctx context.Context, program string) (Version, error) {
	out, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil {
		return Version{}, fmt.Errorf("run %s --version: %w", program, err)
	}
	return parseVersion(string(out))
}

func parseVersion(text string) (v Version, err error) {
	m := versionLine.FindStringSubmatch(text)
	if m == nil {
		return v, fmt.Errorf("no version in %.80q", text)
	}
	if v.Major, err = strconv.Atoi(m[1]); err == nil {
		v.Minor, err = strconv.Atoi(m[2])
	}
	return v, err
}

// Before reports whether v is older than the release.
func (v Version) Before(major, minor int) bool {
	return v.Major < major || v.Major == major && v.Minor < minor
}
