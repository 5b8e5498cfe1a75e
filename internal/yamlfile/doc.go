// Package yamlfile reads YAML that people write, and tells them all that is wrong with
// it, each fault with its line, its column and a cure.
//
//	d := yamlfile.New(path, data)
//	if root := d.Document(); root != nil {
//		d.Mapping(root, "the file", yamlfile.Keys{
//			"interval": func(n *yaml.Node) { c.Interval = d.Duration(n, time.Second, time.Hour) },
//		})
//	}
//	return c, d.Err()
//
// Decoding into structs with yaml.v3 would be shorter, but its errors have no column,
// and it stops at the first unknown key that holds a wrong type.
//
// Reading is strict: an unknown or repeated key, a wrong type or an impossible value is
// a fault. A key without a value counts as absent, so that a section may be commented out
// line by line. What a method returns for a value with a fault is the zero value.
package yamlfile
