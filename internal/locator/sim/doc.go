// Package sim is a network of routers that tests measure.
//
// It moves no packets: [Net.Send] says what a probe with some TTL would be
// answered, and by whom. The test that built the network knows the truth (the
// routers of a flow, what each link loses, who limits its ICMP) and compares it
// with what was found out. All chance comes from a seed, and time is an argument.
//
// A router forwards to its next routers for the destination, one per flow if there
// are several, or one per packet. It can lose packets that it forwards, lose or
// not send its own errors, and limit them as Linux does.
package sim
