package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// comments are what the files of a folder say about their package.
type comments struct {
	// sources is false as long as only tests were seen.
	sources bool
	// ofSources and ofTests are the files with a package comment.
	ofSources, ofTests []string
}

func (c *checker) goFile(name string, data []byte) {
	if inTestdata(name) {
		return
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, data, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		c.add(name, 0, "does not parse: %v", err)
		return
	}
	if formatted, err := format.Source(data); err == nil && !bytes.Equal(formatted, data) {
		c.add(name, 0, "is not formatted by gofmt")
	}
	c.imports(name, file, files)
	c.note(name, file)
}

func (c *checker) imports(name string, file *ast.File, files *token.FileSet) {
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // does not parse, reported
		}
		relative, own := strings.CutPrefix(imported, c.module+"/")
		if message := judge(path.Dir(name), isTest(name), relative, own); message != "" {
			c.add(name, files.Position(spec.Pos()).Line, "%s", message)
		}
	}
}

// note remembers whether a file has a package comment.
func (c *checker) note(name string, file *ast.File) {
	if c.comments == nil {
		c.comments = make(map[string]*comments)
	}
	dir := path.Dir(name)
	if c.comments[dir] == nil {
		c.comments[dir] = &comments{}
	}
	seen := c.comments[dir]
	seen.sources = seen.sources || !isTest(name)
	if file.Doc.Text() == "" {
		return
	}
	if isTest(name) {
		seen.ofTests = append(seen.ofTests, name)
		return
	}
	seen.ofSources = append(seen.ofSources, name)
	want := "Package " + file.Name.Name + " "
	if file.Name.Name == "main" {
		want = "Command " + path.Base(dir) + " "
	}
	if !strings.HasPrefix(file.Doc.Text(), want) {
		c.add(name, 0, "package comment does not start with %q", want)
	}
}

// packageComments reports, when all files were seen, the folders without a room
// and those without exactly one package comment.
func (c *checker) packageComments() {
	for dir, seen := range c.comments {
		if _, ok := roomOf(dir); !ok {
			c.add(dir, 0, "has no room in the house")
		}
		found := seen.ofSources
		if !seen.sources {
			found = seen.ofTests
		}
		switch {
		case len(found) == 0:
			c.add(dir, 0, "has no package comment")
		case len(found) > 1:
			c.add(dir, 0, "has more than one package comment: %s", strings.Join(found, ", "))
		}
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func inTestdata(name string) bool {
	return strings.HasPrefix(name, "testdata/") || strings.Contains(name, "/testdata/")
}
