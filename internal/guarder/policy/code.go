package policy

// A Code is one kind of fault.
type Code struct {
	Code     string // such as "G101"
	Severity Severity
	// Title says in a few words what is looked for.
	Title string
	// OfHost tells that it is about the host that a policy is for, not about its text.
	OfHost bool
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
	badSource     = "G113"
	badAddress    = "G118"
	mappedAddress = "G119"
	hostBits      = "G120"
	familyClash   = "G121"
	noProtocol    = "G122"
	contradiction = "G123"
	emptyMatch    = "G124"
	emptyList     = "G125"
	notTemporary  = "G126"
	wrongAction   = "G127"

	shadowed     = "G201"
	overlapping  = "G202"
	aboveCeiling = "G205"
	notForGuard  = "G206"

	noFailsafe    = "G302"
	breaksNetwork = "G303"
	inertSet      = "G304"
	ended         = "G305"
	openSource    = "G307"
	badTemplate   = "G341"
	spoofableBan  = "G308"
	splitPayload  = "G350"
)

// OverBudget is found by the compiler too.
const OverBudget = "G402"

// The codes of faults that depend on the host; internal/guarder/host finds them.
const (
	Lockout        = "G301"
	NoInterface    = "G310"
	InterfaceTaken = "G311"
	SlowAttach     = "G320"
	TagsStripped   = "G321"
	// SocketsElsewhere is of rules about sockets where these do not know all.
	SocketsElsewhere = "G322"
	// NoCookies is of rules that answer SYNs where the kernel has no answers.
	NoCookies = "G323"
	// OwnPorts is of rules that count the ports from which the host calls others.
	OwnPorts    = "G324"
	KernelLacks = "G330"
)

// Codes are all kinds of faults, in the order of their codes.
var Codes = []Code{
	{notYAML, Error, "the file cannot be read, or is not YAML", false},
	{unknownKey, Error, "an unknown key", false},
	{wrongType, Error, "a value of the wrong type", false},
	{duplicate, Error, "a key, rule, group, set or priority that is already there", false},
	{missingKey, Error, "a key that must be there is not", false},
	{wrongVersion, Error, "a version of the language that is not known", false},
	{laterVersion, Error, "something that is not available in this version", false},
	{unknownWord, Error, "an unknown word", false},
	{badName, Error, "a name with characters that are not allowed", false},
	{missingSet, Error, "a set that does not exist, or is of another type", false},
	{badQuantity, Error, "a rate, a duration, a time or a ratio that cannot be read", false},
	{outOfRange, Error, "a number or a time out of range", false},
	{badSource, Error, "a source of a feed that cannot be used", false},
	{badAddress, Error, "an address or a prefix that cannot be read", false},
	{mappedAddress, Error, "an IPv4 address written as IPv6", false},
	{hostBits, Warning, "a prefix with host bits", false},
	{familyClash, Error, "addresses or protocols of different families", false},
	{noProtocol, Error, "a field without its protocol", false},
	{contradiction, Error, "conditions that exclude each other", false},
	{emptyMatch, Error, "a match that matches everything by omission", false},
	{emptyList, Error, "an empty list", false},
	{notTemporary, Error, "what a temporary file cannot say", false},
	{wrongAction, Error, "a key that goes with another action", false},

	{shadowed, Warning, "a rule that is never reached", false},
	{overlapping, Warning, "rules with different verdicts that overlap", false},
	{aboveCeiling, Warning, "a mode above the ceiling of the host", false},
	{notForGuard, Error, "a rule of the guard stage that may hit well-formed traffic", false},

	{Lockout, Error, "connections of this host that would be cut", true},
	{noFailsafe, Error, "everything dropped, and no way in for the operator", false},
	{breaksNetwork, Error, "a drop of what a network needs to work", false},
	{inertSet, Warning, "an empty set, or one that nothing uses", false},
	{ended, Warning, "a temporary file that is over", false},
	{openSource, Warning, "a feed that can be altered on its way", false},
	{spoofableBan, Error, "a ban of sources that can be forged", false},
	{NoInterface, Error, "an interface that does not exist", true},
	{InterfaceTaken, Error, "an interface that runs another XDP program", true},
	{SlowAttach, Warning, "an interface that cannot run XDP in its driver", true},
	{TagsStripped, Warning, "a VLAN rule where the device removes the tags", true},
	{SocketsElsewhere, Error, "an enforced rule about sockets that are elsewhere: addresses are translated, or sockets bound to a device above", true},
	{NoCookies, Warning, "a rule that answers SYNs where the kernel makes no cookies", true},
	{OwnPorts, Warning, "a rule that counts the ports from which the host calls others", true},
	{KernelLacks, Error, "a kernel that lacks what Guarder or the policy needs", true},
	{badTemplate, Error, "a template of an alert that uses what there is not", false},
	{splitPayload, Warning, "a payload rule that segmentation evades", false},

	{OverBudget, Error, "more than the classifier can hold", false},
}

func severityOf(code string) Severity {
	for _, c := range Codes {
		if c.Code == code {
			return c.Severity
		}
	}
	return Error
}
