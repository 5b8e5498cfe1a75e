// Package pathmap adds up the ways of packets through the kernel: which function handed them
// to which, how often, how long it took, and how they ended.
//
// A [Map] is made of packets of package tracer. Its nodes are functions of the kernel, each of
// a [Layer], and fates; its edges say that packets came from one node to the next. A [Sampler]
// makes one all the time, from few packets; [Compare] tells how two maps differ.
//
// What a map has are samples. They are not scaled: nobody can know what the packets did that
// were not looked at.
package pathmap
