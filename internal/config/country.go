package config

import (
	"regexp"

	"gopkg.in/yaml.v3"
)

var countryForm = regexp.MustCompile(`^[A-Z]{2}$`)

// country returns a code of two letters; in case of a fault, "". Which of them are
// countries changes, so that databases of other years know other ones.
func (d *decoder) country(n *yaml.Node) string {
	code, ok := d.Text(n)
	if !ok {
		return ""
	}
	if !countryForm.MatchString(code) {
		d.Fault(n, "such as DE, of ISO 3166-1", "%q is no country code of two capital letters", code)
		return ""
	}
	return code
}
