package answer

// A Code says what is wrong with an answer. It is all that whoever wrote it is told.
type Code string

// The codes.
const (
	OK            Code = ""
	TooLong       Code = "too_long"        // the whole answer
	NotJSON       Code = "not_json"        // not exactly one value of JSON, or a key twice
	WrongForm     Code = "wrong_form"      // not the schema
	TooMany       Code = "too_many"        // findings, checks, steps or sources
	TextLength    Code = "text_length"     // a text that is empty or too long
	BadCharacter  Code = "bad_character"   // control, format, other alphabets
	Markup        Code = "markup"          // characters of HTML, Markdown and the like
	Link          Code = "link"            // links, host names, mentions
	AddressInText Code = "address"         // addresses, where handles belong
	CommandInText Code = "command"         // commands, flags, files
	Number        Code = "uncited_number"  // a number that no cited fact has
	NoFacts       Code = "no_facts"        // a finding that cites nothing
	UnknownFact   Code = "unknown_fact"    // a fact that there is not
	UnknownHandle Code = "unknown_handle"  // a handle that there is not, or of another kind
	RuleForm      Code = "rule_form"       // a rule with numbers out of all range
	RuleNotAsked  Code = "rule_not_asked"  // a rule where none was asked for
	UnsureVerdict Code = "unfounded_claim" // a verdict without any finding
)

// Codes are all of them, for metrics.
var Codes = []Code{
	TooLong, NotJSON, WrongForm, TooMany, TextLength, BadCharacter, Markup, Link, AddressInText, CommandInText, Number,
	NoFacts, UnknownFact, UnknownHandle, RuleForm, RuleNotAsked, UnsureVerdict,
}
