package house

import (
	"fmt"
	"strings"
)

// judge says what is wrong with an import, or "". The importing package is
// relative to the module, and so is the import if own is true.
func judge(pkg string, test bool, path string, own bool) string {
	from, ok := roomOf(pkg)
	if !ok {
		return "" // reported once for the package
	}
	if listed(path, from.Not) && !listed(path, from.Also) {
		return fmt.Sprintf("%s must not import %s", from.Path, path)
	}
	if !own {
		if from.Only != nil && isModule(path) && !listed(path, from.Only) {
			return fmt.Sprintf("%s must not import %s, only %s", from.Path, path, strings.Join(from.Only, ", "))
		}
		return ""
	}
	to, ok := roomOf(path)
	switch {
	case !ok, from.Path == to.Path, listed(path, from.Also):
		return ""
	case to.Floor == TestFloor && !test && from.Floor != TestFloor:
		return fmt.Sprintf("%s is for tests only", path)
	case to.Floor < from.Floor, to.Floor == TestFloor:
		return ""
	}
	return fmt.Sprintf("%s (floor %d) must not import %s (floor %d)", from.Path, from.Floor, path, to.Floor)
}

// isModule tells the import path of a module from one of the standard library,
// whose first element has no dot.
func isModule(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".")
}
