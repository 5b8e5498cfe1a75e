package filter

import "fmt"

// Names finds what is named by more than a number. Each may be nil: then only numbers are taken.
type Names struct {
	// Interface returns the index of an interface.
	Interface func(name string) (uint32, error)
	// Namespace returns the inode of a network namespace, given a path.
	Namespace func(path string) (uint32, error)
	// Cgroup returns the identity of a cgroup, given a path.
	Cgroup func(path string) (uint64, error)
	// Port returns a service.
	Port func(name string) (Service, error)
}

// A Service is a port with a name, and of which protocols it is.
type Service struct {
	Port     uint16
	TCP, UDP bool
}

// deepest is how many parentheses may stand within each other.
const deepest = 100

type parser struct {
	tokens []token
	at     int
	place  place
	names  Names
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// skip takes the next token if it is one of some keywords or signs, and returns it, or "".
func (p *parser) skip(texts ...string) string {
	t := p.peek()
	if t.kind != word && t.kind != sign {
		return ""
	}
	for _, text := range texts {
		if t.text == text {
			p.at++
			return text
		}
	}
	return ""
}

func fault(t token, format string, args ...any) error {
	return &Error{t.column, fmt.Sprintf(format, args...)}
}

// parse reads a whole expression; nil if it is empty.
func parse(text string, names Names) (condition, error) {
	tokens, err := lex(text)
	if err != nil || tokens[0].kind == end {
		return nil, err
	}
	p := &parser{tokens: tokens, names: names}
	c, _, err := p.expression()
	if err == nil && p.peek().kind != end {
		err = fault(p.peek(), `%v is not expected; join terms with "and" or "or"`, p.peek())
	}
	return c, err
}

// A head is what may be left out behind "and" and "or".
type head struct {
	protocol  string // "" if none is given
	direction direction
	what      string // "host", "net", "port", "portrange", "proto"; "" before the first
}

// expression reads terms that are joined; the head is that of the last one.
func (p *parser) expression() (condition, head, error) {
	if p.depth++; p.depth > deepest {
		return nil, head{}, fault(p.peek(), "more than %d parentheses within each other", deepest)
	}
	defer func() { p.depth-- }()
	c, last, err := p.term(head{})
	for err == nil {
		join := p.skip("and", "&&", "or", "||")
		if join == "" {
			break
		}
		var next condition
		if next, last, err = p.term(last); err != nil {
			break
		}
		if join == "and" || join == "&&" {
			c = both{c, next}
		} else {
			c = either{c, next}
		}
	}
	return c, last, err
}

// term reads what "and" and "or" join. What it leaves out is as in the head before.
func (p *parser) term(before head) (condition, head, error) {
	switch {
	case p.skip("not", "!") != "":
		if p.depth++; p.depth > deepest {
			return nil, head{}, fault(p.peek(), `more than %d "not" and parentheses within each other`, deepest)
		}
		c, h, err := p.term(before)
		p.depth--
		return not{c}, h, err
	case p.isComparison():
		c, err := p.comparison()
		return c, head{}, err
	case p.skip("(") != "":
		c, h, err := p.group(before)
		if err == nil && p.skip(")") == "" {
			err = fault(p.peek(), `%v instead of ")"`, p.peek())
		}
		return c, h, err
	}
	return p.primitive(before)
}

// group reads what is in parentheses: an expression, or values of the head before it.
func (p *parser) group(before head) (condition, head, error) {
	if before.what == "" || !p.isValue() {
		return p.expression()
	}
	return p.values(before)
}

// isValue tells whether what comes next is a value, with no word that says of what.
func (p *parser) isValue() bool {
	t := p.peek()
	switch t.kind {
	case address, hardware, quoted:
		return true
	case word:
		_, abbreviation := abbreviations[t.text]
		_, ether := etherNames[t.text]
		return !abbreviation && !ether && !keywords[t.text] && refused[t.text] == ""
	}
	return false
}

// keywords are the words that begin a term, or join two.
var keywords = map[string]bool{
	"and": true, "or": true, "not": true, "src": true, "dst": true, "host": true, "net": true, "port": true,
	"portrange": true, "proto": true, "ether": true, "broadcast": true, "multicast": true, "less": true,
	"greater": true, "vlan": true, "len": true, "iface": true, "pid": true, "netns": true, "cgroup": true, "mask": true,
}

// values reads values of one head, joined, maybe with "not", up to what is none.
func (p *parser) values(h head) (condition, head, error) {
	c, err := p.value(h)
	for err == nil {
		back := p.at
		join := p.skip("and", "&&", "or", "||")
		if join == "" {
			break
		}
		negated := p.skip("not", "!") != ""
		if !p.isValue() {
			p.at = back
			break
		}
		var next condition
		if next, err = p.value(h); err != nil {
			break
		}
		if negated {
			next = not{next}
		}
		if join == "and" || join == "&&" {
			c = both{c, next}
		} else {
			c = either{c, next}
		}
	}
	return c, h, err
}
