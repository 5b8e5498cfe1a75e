package policy

// A Code is one kind of fault.
type Code struct {
	Code     string // such as "G101"
	Severity Severity
	// Title says in a few words what is looked for.
	Title string
}

// The codes. G1xx are about the text, G2xx about rules that disturb each other,
// G3xx about what a policy would do to a host, G4xx about limits.
const (
	notYAML       = "G100"
	unknownKey    = "G101"
	wrongType     = "G102"
	duplicate     = "G103"
	missingKey    = "G104"
	wrongVersion  = "G105"
	laterVersion  = "G106"
	unknownWord   = "G107"
	badName       = "G108"
	missingSet    = "G109"
	badQuantity   = "G111"
	outOfRange    = "G112"
	badAddress    = "G118"
	mappedAddress = "G119"
	hostBits      = "G120"
	familyClash   = "G121"
	noProtocol    = "G122"
	contradiction = "G123"
	emptyMatch    = "G124"
	emptyList     = "G125"

	shadowed     = "G201"
	overlapping  = "G202"
	aboveCeiling = "G205"
	notForGuard  = "G206"

	lockout        = "G301"
	noFailsafe     = "G302"
	breaksNetwork  = "G303"
	inertSet       = "G304"
	noInterface    = "G310"
	interfaceTaken = "G311"
	slowAttach     = "G320"
	tagsStripped   = "G321"
	splitPayload   = "G350"

	overBudget = "G402"
)

// Codes are all kinds of faults, in the order of their codes.
var Codes = []Code{
	{notYAML, Error, "the file cannot be read, or is not YAML"},
	{unknownKey, Error, "an unknown key"},
	{wrongType, Error, "a value of the wrong type"},
	{duplicate, Error, "a key, rule, group, set or priority that is already there"},
	{missingKey, Error, "a key that must be there is not"},
	{wrongVersion, Error, "a version of the language that is not known"},
	{laterVersion, Error, "something that is not available in this version"},
	{unknownWord, Error, "an unknown word"},
	{badName, Error, "a name with characters that are not allowed"},
	{missingSet, Error, "a set that does not exist, or is of another type"},
	{badQuantity, Error, "a rate, a duration or a ratio that cannot be read"},
	{outOfRange, Error, "a number out of range"},
	{badAddress, Error, "an address or a prefix that cannot be read"},
	{mappedAddress, Error, "an IPv4 address written as IPv6"},
	{hostBits, Warning, "a prefix with host bits"},
	{familyClash, Error, "addresses or protocols of different families"},
	{noProtocol, Error, "a field without its protocol"},
	{contradiction, Error, "conditions that exclude each other"},
	{emptyMatch, Error, "a match that matches everything by omission"},
	{emptyList, Error, "an empty list"},

	{shadowed, Warning, "a rule that is never reached"},
	{overlapping, Warning, "rules with different verdicts that overlap"},
	{aboveCeiling, Warning, "a mode above the ceiling of the host"},
	{notForGuard, Error, "a rule of the guard stage that may hit well-formed traffic"},

	{lockout, Error, "connections of this host that would be cut"},
	{noFailsafe, Error, "everything dropped, and no way in for the operator"},
	{breaksNetwork, Error, "a drop of what a network needs to work"},
	{inertSet, Warning, "an empty set, or one that nothing uses"},
	{noInterface, Error, "an interface that does not exist"},
	{interfaceTaken, Error, "an interface that runs another XDP program"},
	{slowAttach, Warning, "an interface that cannot run XDP in its driver"},
	{tagsStripped, Warning, "a VLAN rule where the device removes the tags"},
	{splitPayload, Warning, "a payload rule that segmentation evades"},

	{overBudget, Error, "more than the classifier can hold"},
}

func severityOf(code string) Severity {
	for _, c := range Codes {
		if c.Code == code {
			return c.Severity
		}
	}
	return Error
}
