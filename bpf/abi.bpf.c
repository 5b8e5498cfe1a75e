//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Names every type of abi.h and guard_{abi,bans_abi,hits_abi,sample_abi,states_abi,tables,tally}.h once, so that one C type becomes one Go type. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "guard_abi.h"
#include "guard_tables.h"
#include "guard_tally.h"
#include "guard_bans_abi.h"
#include "guard_connections_abi.h"
#include "guard_feeds_abi.h"
#include "guard_hits_abi.h"
#include "guard_sample_abi.h"
#include "guard_states_abi.h"
#include "pathmap_abi.h"
#include "trace_abi.h"

const struct traffic *unused_traffic __attribute__((unused));
const struct latency *unused_latency __attribute__((unused));
const struct watched_station *unused_watched_station __attribute__((unused));
const struct watched_entry *unused_watched_entry __attribute__((unused));
const struct watch *unused_watch __attribute__((unused));
const struct flow_key *unused_flow_key __attribute__((unused));
const struct flow_counts *unused_flow_counts __attribute__((unused));
const struct flow_entry *unused_flow_entry __attribute__((unused));
const struct flow_totals *unused_flow_totals __attribute__((unused));
const enum flow_role *unused_flow_role __attribute__((unused));
const struct polls *unused_polls __attribute__((unused));
const struct socket_record *unused_socket_record __attribute__((unused));
const enum layer *unused_layer __attribute__((unused));
const enum direction *unused_direction __attribute__((unused));
const enum kind *unused_kind __attribute__((unused));
const enum device_class *unused_device_class __attribute__((unused));
const enum station *unused_station __attribute__((unused));
const enum span *unused_span __attribute__((unused));
const enum way *unused_way __attribute__((unused));
const enum cause *unused_cause __attribute__((unused));
const enum loss *unused_loss __attribute__((unused));
const enum latency_entry *unused_latency_entry __attribute__((unused));
const enum retransmit *unused_retransmit __attribute__((unused));
const enum role *unused_role __attribute__((unused));
const enum result *unused_result __attribute__((unused));
const enum side *unused_side __attribute__((unused));
const enum congestion *unused_congestion __attribute__((unused));
const enum tcp_count *unused_tcp_count __attribute__((unused));
const enum tcp_duration *unused_tcp_duration __attribute__((unused));
const struct drop_place *unused_drop_place __attribute__((unused));
const struct drop_event *unused_drop_event __attribute__((unused));
const enum drop_fate *unused_drop_fate __attribute__((unused));
const enum overflow *unused_overflow __attribute__((unused));
const enum path_hook *unused_path_hook __attribute__((unused));
const struct path_turn *unused_path_turn __attribute__((unused));
const struct path_count *unused_path_count __attribute__((unused));
const struct path_event *unused_path_event __attribute__((unused));
const struct path_spent *unused_path_spent __attribute__((unused));
const enum path_limit *unused_path_limit __attribute__((unused));
const struct guard_quoted *unused_guard_quoted __attribute__((unused));
const struct guard_packet *unused_guard_packet __attribute__((unused));
const enum guard_limit *unused_guard_limit __attribute__((unused));
const enum guard_reason *unused_guard_reason __attribute__((unused));
const enum guard_fragment *unused_guard_fragment __attribute__((unused));
const enum guard_option *unused_guard_option __attribute__((unused));
const enum guard_header *unused_guard_header __attribute__((unused));
const enum guard_has *unused_guard_has __attribute__((unused));
const struct guard_test *unused_guard_test __attribute__((unused));
const struct guard_atom *unused_guard_atom __attribute__((unused));
const struct guard_filter *unused_guard_filter __attribute__((unused));
const struct guard_condition *unused_guard_condition __attribute__((unused));
const struct guard_membership *unused_guard_membership __attribute__((unused));
const struct guard_block *unused_guard_block __attribute__((unused));
const struct guard_address_of_host *unused_guard_address_of_host __attribute__((unused));
const struct guard_bound *unused_guard_bound __attribute__((unused));
const struct guard_kept *unused_guard_kept __attribute__((unused));
const struct guard_count *unused_guard_count __attribute__((unused));
const struct guard_counts *unused_guard_counts __attribute__((unused));
const struct guard_result *unused_guard_result __attribute__((unused));
const enum guard_field *unused_guard_field __attribute__((unused));
const enum guard_trait *unused_guard_trait __attribute__((unused));
const enum guard_address *unused_guard_address __attribute__((unused));
const enum guard_compare *unused_guard_compare __attribute__((unused));
const enum guard_op *unused_guard_op __attribute__((unused));
const enum guard_credit *unused_guard_credit __attribute__((unused));
const enum guard_table_limit *unused_guard_table_limit __attribute__((unused));
const enum guard_total *unused_guard_total __attribute__((unused));
const enum guard_fate *unused_guard_fate __attribute__((unused));
const enum guard_device_limit *unused_guard_device_limit __attribute__((unused));
const enum guard_error *unused_guard_error __attribute__((unused));
const enum guard_cited *unused_guard_cited __attribute__((unused));
const enum guard_icmp_entry *unused_guard_icmp_entry __attribute__((unused));
const struct guard_sampling *unused_guard_sampling __attribute__((unused));
const struct guard_sample *unused_guard_sample __attribute__((unused));
const enum guard_sample_limit *unused_guard_sample_limit __attribute__((unused));
const enum guard_sampling_entry *unused_guard_sampling_entry __attribute__((unused));
const struct guard_hit_key *unused_guard_hit_key __attribute__((unused));
const struct guard_hit *unused_guard_hit __attribute__((unused));
const struct guard_service *unused_guard_service __attribute__((unused));
const enum guard_hit_limit *unused_guard_hit_limit __attribute__((unused));
const struct guard_feed_line *unused_guard_feed_line __attribute__((unused));
const struct guard_feed_head *unused_guard_feed_head __attribute__((unused));
const struct guard_feed_near *unused_guard_feed_near __attribute__((unused));
const enum guard_feed_limit *unused_guard_feed_limit __attribute__((unused));
const enum guard_feed_entry *unused_guard_feed_entry __attribute__((unused));
const struct guard_ban_address *unused_guard_ban_address __attribute__((unused));
const struct guard_ban_prefix *unused_guard_ban_prefix __attribute__((unused));
const struct guard_ban *unused_guard_ban __attribute__((unused));
const struct guard_banning *unused_guard_banning __attribute__((unused));
const struct guard_ban_request *unused_guard_ban_request __attribute__((unused));
const enum guard_ban_limit *unused_guard_ban_limit __attribute__((unused));
const struct guard_prefix *unused_guard_prefix __attribute__((unused));
const enum guard_connection_limit *unused_guard_connection_limit __attribute__((unused));
const enum guard_operand *unused_guard_operand __attribute__((unused));
const enum guard_socket *unused_guard_socket __attribute__((unused));
const enum guard_sequence *unused_guard_sequence __attribute__((unused));
const enum guard_state_kind *unused_guard_state_kind __attribute__((unused));
const enum guard_state_of *unused_guard_state_of __attribute__((unused));
const enum guard_state_limit *unused_guard_state_limit __attribute__((unused));
const struct guard_state *unused_guard_state __attribute__((unused));
const enum guard_distinct *unused_guard_distinct __attribute__((unused));
const struct guard_spread *unused_guard_spread __attribute__((unused));
const struct guard_bucket *unused_guard_bucket __attribute__((unused));
const struct guard_bucket_set *unused_guard_bucket_set __attribute__((unused));
const struct guard_flood *unused_guard_flood __attribute__((unused));
const struct guard_setup *unused_guard_setup __attribute__((unused));
const struct guard_sketch_block *unused_guard_sketch_block __attribute__((unused));
const struct trace_scratch *unused_trace_scratch __attribute__((unused));
const struct trace_event *unused_trace_event __attribute__((unused));
const enum trace_hook *unused_trace_hook __attribute__((unused));
const enum trace_count *unused_trace_count __attribute__((unused));
const enum trace_limit *unused_trace_limit __attribute__((unused));
