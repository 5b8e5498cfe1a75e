//go:build compose && linux

package deploy

import (
	"archive/tar"
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/debian"
)

// An image is a stand-in for one of a registry: a file system, in tar format, and
// what is said about it.
type image struct {
	tar     bytes.Buffer
	archive *tar.Writer
	changes []string
	// has are the libraries that are in it.
	has map[string]bool
}

// newImage begins with busybox as the shell.
func newImage(t *testing.T, changes ...string) *image {
	t.Helper()
	i := &image{changes: changes, has: map[string]bool{}}
	i.archive = tar.NewWriter(&i.tar)
	cache, err := debian.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := debian.Unpack(t.Context(), cache, "busybox-static")
	if err != nil {
		t.Fatal(err)
	}
	i.file(t, "bin/busybox", busybox+"/bin/busybox", 0o755)
	for _, name := range []string{"sh", "cat", "wget", "sed", "id", "head", "base64", "tr", "mv", "touch", "mkdir", "httpd"} {
		i.add(t, &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox", Mode: 0o777}, nil)
	}
	i.folder(t, "tmp", 0o1777, 0)
	return i
}

func (i *image) add(t *testing.T, header *tar.Header, content io.Reader) {
	t.Helper()
	if err := i.archive.WriteHeader(header); err != nil {
		t.Fatal(err)
	}
	if content == nil {
		return
	}
	if _, err := io.Copy(i.archive, content); err != nil {
		t.Fatal(err)
	}
}

func (i *image) folder(t *testing.T, name string, mode int64, owner int) {
	t.Helper()
	i.add(t, &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: owner, Gid: owner}, nil)
}

func (i *image) text(t *testing.T, name, text string) {
	t.Helper()
	i.add(t, &tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}, strings.NewReader(text))
}

// file adds a file of this machine.
func (i *image) file(t *testing.T, name, source string, mode fs.FileMode) {
	t.Helper()
	f, err := os.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	i.add(t, &tar.Header{Name: name, Mode: int64(mode.Perm()), Size: info.Size()}, f)
}

// program adds a program of a Debian package with the libraries that it is linked to.
// It returns the folder with the files of the package.
func (i *image) program(t *testing.T, name, pkg, source string) string {
	t.Helper()
	cache, err := debian.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	root, err := debian.Unpack(t.Context(), cache, pkg)
	if err != nil {
		t.Fatal(err)
	}
	i.file(t, name, filepath.Join(root, source), 0o755)
	out, err := exec.CommandContext(t.Context(), "ldd", filepath.Join(root, source)).Output()
	if err != nil {
		t.Fatalf("libraries of %s: %v", source, err)
	}
	for _, library := range regexp.MustCompile(`(?m)(/\S+) \(0x`).FindAllStringSubmatch(string(out), -1) {
		if !i.has[library[1]] {
			i.has[library[1]] = true
			i.file(t, library[1][1:], library[1], 0o755)
		}
	}
	return root
}

// tree adds the files below a folder that keep chooses by their path in it.
func (i *image) tree(t *testing.T, name, source string, keep func(string) bool) {
	t.Helper()
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative := strings.TrimPrefix(strings.TrimPrefix(path, source), "/")
		switch {
		case relative == "":
		case !keep(relative) && entry.IsDir():
			return fs.SkipDir
		case !keep(relative):
			return nil
		}
		if entry.Type().IsRegular() {
			info, err := entry.Info()
			if err != nil {
				return err
			}
			i.file(t, name+"/"+relative, path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// load gives the image to an engine, under the name that the real one has.
func (i *image) load(t *testing.T, e *engine, name string) {
	t.Helper()
	if err := i.archive.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"import"}
	for _, change := range i.changes {
		args = append(args, "--change", change)
	}
	command := exec.CommandContext(t.Context(), e.docker, append(args, "-", name)...)
	command.Env, command.Stdin = e.env, &i.tar
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("import %s: %v\n%s", name, err, out)
	}
}

// golang stands in for the image that the Dockerfile builds with: the Go that runs
// this test, and the modules that it has, so that building needs no network.
func golang(t *testing.T) *image {
	t.Helper()
	i := newImage(t, "ENV PATH=/usr/local/go/bin:/bin", "ENV GOPROXY=file:///modules", "ENV GOSUMDB=off")
	// Debian's has authorities there, which nobody here asks for.
	i.text(t, "etc/ssl/certs/ca-certificates.crt", "")
	i.tree(t, "usr/local/go", strings.TrimSpace(goOutput(t, "env", "GOROOT")), func(path string) bool {
		return !strings.HasPrefix(path, "test") && !strings.HasSuffix(path, "/testdata") && !strings.HasSuffix(path, "_test.go")
	})
	deps := goOutput(t, "list", "-deps", "-f", "{{with .Module}}{{if .Version}}{{.Path}}@{{.Version}}{{end}}{{end}}",
		"./cmd/packetscope", "./cmd/packetscope-annotator", "./cmd/packetscope-demo")
	escape := func(s string) string {
		return regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(s, func(c string) string { return "!" + strings.ToLower(c) })
	}
	var archives []string
	for _, dep := range strings.Fields(deps) {
		path, version, _ := strings.Cut(dep, "@")
		archives = append(archives, escape(path)+"/@v/"+escape(version)+".zip")
	}
	modules := filepath.Join(strings.TrimSpace(goOutput(t, "env", "GOMODCACHE")), "cache/download")
	i.tree(t, "modules", modules, func(path string) bool {
		switch filepath.Ext(path) {
		case ".zip":
			return slices.Contains(archives, path)
		case ".lock", ".ziphash", ".partial":
			return false
		}
		return path != "sumdb"
	})
	return i
}

func goOutput(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = top
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

// prometheus is Debian's, which is older than the configuration: two keys are
// dropped, native histograms switched on by a flag, and its promtool cannot ask
// whether a server is ready.
func prometheus(t *testing.T) *image {
	t.Helper()
	i := newImage(t, "USER 65534:65534", `ENTRYPOINT ["/bin/prometheus"]`)
	i.program(t, "debian/prometheus", "prometheus", "usr/bin/prometheus")
	i.program(t, "debian/promtool", "prometheus", "usr/bin/promtool")
	i.folder(t, "prometheus", 0o755, 65534)
	i.text(t, "bin/prometheus", `#!/bin/sh
set -e
sed -e '/scrape_native_histograms:/d' -e '/always_scrape_classic_histograms:/d' -e 's#rules/\*#/etc/prometheus/rules/*#' \
	/etc/prometheus/prometheus.yml > /prometheus/debian.yml
for argument; do
	shift
	case $argument in
	--config.file=*) argument=--config.file=/prometheus/debian.yml ;;
	--enable-feature=*) argument=$argument,native-histograms ;;
	esac
	set -- "$@" "$argument"
done
exec /debian/prometheus "$@"
`)
	i.text(t, "bin/promtool", `#!/bin/sh
case "$1 $2 $3" in
"check ready --url="*) exec wget -q -O /dev/null "${3#--url=}/-/ready" ;;
esac
exec /debian/promtool "$@"
`)
	return i
}

// alertmanager is Debian's as it is.
func alertmanager(t *testing.T) *image {
	t.Helper()
	i := newImage(t, "USER 65534:65534", `ENTRYPOINT ["/bin/alertmanager"]`)
	root := i.program(t, "bin/alertmanager", "prometheus-alertmanager", "usr/bin/prometheus-alertmanager")
	// Debian's looks for its own templates there; the real one has them inside.
	const templates = "usr/share/prometheus/alertmanager"
	i.tree(t, templates, filepath.Join(root, templates), func(path string) bool { return filepath.Ext(path) == ".tmpl" })
	i.folder(t, "alertmanager", 0o755, 65534)
	return i
}

// grafanaImage answers health checks, and that is all: there is no Debian package
// of Grafana. What compose.yaml does before Grafana starts is real.
func grafanaImage(t *testing.T) *image {
	t.Helper()
	i := newImage(t, "USER 472:0", `ENTRYPOINT ["/run.sh"]`)
	i.folder(t, "var/lib/grafana", 0o777, 472)
	i.text(t, "run.sh", `#!/bin/sh
set -e
touch /var/lib/grafana/grafana.db
mkdir -p /tmp/www/api
echo '{"database": "ok"}' > /tmp/www/api/health
exec busybox httpd -f -p "$GF_SERVER_HTTP_ADDR:$GF_SERVER_HTTP_PORT" -h /tmp/www
`)
	return i
}
