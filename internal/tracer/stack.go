//go:build linux

package tracer

import "github.com/packetscope/packetscope/internal/kernel"

// Stack returns the functions that the addresses of a stack are in, the outermost first; the
// addresses have the innermost first, as the kernel gives them. What is there because a program
// took the stack is left out.
func Stack(symbols *kernel.Symbols, addresses []uint64) ([]string, error) {
	return (&Session{symbols: symbols}).stack(addresses)
}

// ContextOf tells what the kernel was doing, by a stack as [Stack] returns it.
func ContextOf(stack []string) Context { return contextOf(stack) }
