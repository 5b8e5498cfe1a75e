// Package bpf holds the kernel half of PacketScope, in C, and the Go types that
// both halves share.
//
// The C lives beside this file: one object per hook family, on a common body in
// include/. include/abi.h holds what the halves agree on. The objects and their Go
// loaders are generated, and committed so that building PacketScope needs no
// compiler but Go's.
package bpf

//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -type traffic -type latency -type watched_station -type watched_entry -type watch -type polls -type layer -type direction -type kind -type device_class -type station -type span -type way -type cause -type loss -type latency_entry -type flow_key -type flow_counts -type flow_entry -type flow_totals -type flow_role -type socket_record -type retransmit -type role -type result -type side -type congestion -type tcp_count -type tcp_duration -type drop_place -type drop_event -type drop_fate -type overflow -type guard_packet -type guard_quoted -type guard_limit -type guard_reason -type guard_fragment -type guard_option -type guard_header -type guard_has -type guard_test -type guard_atom -type guard_filter -type guard_condition -type guard_membership -type guard_block -type guard_address_of_host -type guard_bound -type guard_kept -type guard_count -type guard_counts -type guard_result -type guard_field -type guard_trait -type guard_address -type guard_compare -type guard_op -type guard_credit -type guard_table_limit -type guard_total -type guard_fate -type guard_device_limit -type guard_error -type guard_cited -type guard_icmp_entry -type guard_sampling -type guard_sample -type guard_sample_limit -type guard_sampling_entry -type guard_hit_key -type guard_hit -type guard_service -type guard_hit_limit -type guard_operand abi abi.bpf.c -- -Iinclude -O2 -Wall -Werror -Wpadded
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types StackTracepoint stack_tracepoint.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types Flows flows.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types Drops drops.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types DropWatch drop_watch.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types StackTrampoline stack_function.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types StackKprobe stack_function.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror -DPROBE_READ_ONLY
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types StackNet stack_net.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types Sockets sockets.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types TCP tcp.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types GuardParse guard_parse.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types Guard guard.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types Bench bench.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types BenchFlows bench_flows.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
//go:generate go tool bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -no-global-types BenchGuard bench_guard.bpf.c -- -Iinclude -O2 -mcpu=v3 -Wall -Werror
