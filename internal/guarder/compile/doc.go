// Package compile turns a policy into tables that the kernel finds the right rule
// in, at a cost that hardly depends on how many rules there are.
//
// [Compile] is pure: from a [policy.Policy] it makes [Tables], or an error that names
// the rule that goes beyond a limit. [Tables.Classify] walks through the tables as
// the kernel's program does, so that they can be tested, and read, without a kernel.
//
// # Lines
//
// What a rule matches is rewritten as "or" of lines. A line is an "and" of one set
// for each of five dimensions: source address, destination address, source port,
// destination port, and the kind of packet (family, protocol, and the flags of TCP or
// type and code of ICMP). A set may be any: prefixes but for other prefixes, ranges
// of ports, all but some protocols. So most rules are a single line; only "any" across
// dimensions makes several. A line also says which large sets its addresses must be in.
// What else a rule asks for (fragments, options, payload and so on) is an atom: a bit
// that is looked at last, if the line matches otherwise.
//
// # Rows
//
// Each line has a bit. For each value of a dimension there is a row of bits: the lines
// whose set has the value. The lines that match a packet are the bits that its five
// rows have in common. Take five rules, of one line each, and say that the bits are
// given in this order:
//
//	bit 0   drop   src 10.1.0.0/16, tcp, dst_port 23
//	bit 1   pass   src 10.0.0.0/8, tcp
//	bit 2   drop   src 10.1.2.3, udp, dst_port 1000-2000
//	bit 3   drop   tcp, flags syn and fin
//	bit 4   drop   udp, not dst_port 53, length 1500
//
//	source address         destination port         kind
//	10.1.2.3     11111     23           11011       tcp with syn, fin   01011
//	10.1.0.0/16  11011     53           01010       other tcp           00011
//	10.0.0.0/8   11010     1000-2000    11110       udp                 10100
//	any other    11000     any other    11010       any other           00000
//	                       no ports     11010
//
// (Bits are written with bit 0 on the right, as numbers are.) No rule asks for a
// destination address or a source port, so these rows would be full and are left out.
// A TCP packet without flags from 10.1.9.9 to port 23 has 11011 & 11011 & 00011 = 00011:
// the first rule. One to port 80 has 00010: the second. A UDP packet from 10.1.2.3
// to port 1500 has 11111 & 11110 & 10100 = 10100: bit 2, and if it were not for that,
// bit 4 if it is 1500 bytes long.
//
// # Words
//
// With 10,000 rules a row has about 110 words of 64 bits, and most are 0. So a row has a
// summary, with a bit per word that is not 0; only the words that all summaries have in
// common are looked at. Rows of ports and kinds have all words; those of addresses, of
// which there are more, only the ones that are not 0. Where the others stand is told by
// the number of the word times a multiplier, which is found for the row so that no two
// of them have the same place (see hashOf).
//
// Lines that one packet can match are given bits near each other, by their prefixes or
// by their ports, whichever tells packets apart better (see cluster); and in a word by
// the order of the rules, so that its lowest bit is its first match. A word whose first
// rule comes behind what was found already is passed by. A line that asks for a prefix of
// one address and nothing else needs no bit: the address's row says which is the first
// such rule.
//
// Lines of rules that end the search, of audited rules, and of those that count stand
// in words apart, in this order. One pass finds the first rule that ends the search; if
// there are others, another finds the first audited one before it, and a third credits
// those that count before the end. What the tables hold of a rule is a key: its number
// and what it does, so that nothing has to be looked up for the verdict.
//
// # Finding the rows
//
// IPv4 addresses are looked up in a trie of 12 bits, then 4 at a time; a subtree with
// one prefix is left out, and the prefix's row compares the address instead. IPv6
// addresses have a trie whose nodes compare all bits up to those that they choose by: the
// fewer prefixes there are below, the fewer bits. Ports, and types and codes of ICMP, have
// two levels of pages of 256, of which equal ones are kept once, as are equal rows;
// protocols, and the flags of TCP, have one.
//
// # Sets
//
// Prefixes of small sets are marks of their lines like all others. Sets of thousands
// would make a row for each of them, and the addresses of this host change while the
// program runs. So which of these an address is in is found apart: [Blocks] tell its
// class, that is the combination of sets, whatever their number and that of their
// prefixes; a filter and a table of hashes tell whether it is this host's. Both together
// are its membership. Lines that ask for nothing but sets of one address need no bit:
// the membership says which is the first such rule. For the others it leads to a row,
// which is one more to have bits in common with. So a rule that drops a block list
// costs the lookup, and nothing else.
//
// # Atoms
//
// A line's condition is which atoms must be true and which false. For a packet, an
// atom is looked at when the first line needs it, and at most once. Most atoms can
// only be true of unusual packets: fragments, ICMP errors, those with options. These
// are the traits; for a packet without any, the lines that need such an atom are
// known beforehand and cleared with one mask per word. As far as the order of rules lets
// them, they stand in words of their own, which such a packet passes by.
//
// There is room for 128 of them, in two banks of 64. All payloads that a rule asks for together are one, as rules that
// know a protocol by its bytes look at several places.
//
// That a temporary rule is not over is an atom, too, one for each end: all lines of the
// rule need it. So packets read the clock only if such a rule matches them otherwise, and
// a rule that is over is passed by like one that does not match.
//
// Atoms about sockets come last of a condition, as a lookup costs more than all else: it is
// not made if another atom decides, or if a line without a condition comes first.
// The truth is looked up once per packet, whatever the atoms ask of it.
//
// # In the kernel
//
// Each table is a variable of the program, in a section of its own, which is made as
// large as the table before the program is loaded. Its address and the greatest index,
// by which the program keeps indices inside, are operands of instructions; so is how many
// summaries a row has (see place and operands). A generation is a program with tables
// of its own, which nobody changes; what it counts outlives it.
package compile
