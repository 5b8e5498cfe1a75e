package stack

import "maps"

// reasonTable has what PacketScope knows about the reasons for which kernels drop
// packets, by name (include/net/dropreason-core.h of Linux 6.18, and what older ones
// have besides). Their numbers differ from kernel to kernel and are not here; what they
// mean in words is in package dropreason.
//
// A drop is a loss unless it is configured (policy) or nobody misses the packet
// (benign). What only a broken or forged packet can cause, and a rule of a protocol
// forbids, counts as policy; damage is a loss.
var reasonTable = tableOf(map[Layer]map[string]reasonRow{
	Link: linkReasons, Network: networkReasons, Transport: transportReasons,
	Socket: socketReasons, Qdisc: qdiscReasons, Driver: driverReasons,
})

func tableOf(byLayer map[Layer]map[string]reasonRow) map[string]reasonRow {
	table := maps.Clone(sharedReasons)
	for layer, rows := range byLayer {
		for name, row := range rows {
			row.layer, row.layered = layer, true
			table[name] = row
		}
	}
	return table
}

// linkReasons are those of the entrance of the stack.
var linkReasons = map[string]reasonRow{
	"CPU_BACKLOG":              {severity: Loss, course: incoming},
	"XDP":                      {severity: Policy, course: incoming},
	"TC_INGRESS":               {severity: Policy, course: incoming},
	"UNHANDLED_PROTO":          {severity: Benign, course: incoming},
	"TC_COOKIE_ERROR":          {severity: Loss},
	"TC_CHAIN_NOTFOUND":        {severity: Loss},
	"TC_RECLASSIFY_LOOP":       {severity: Loss},
	"MAC_INVALID_SOURCE":       {severity: Policy},
	"MAC_IEEE_MAC_CONTROL":     {severity: Benign, course: incoming},
	"BRIDGE_INGRESS_STP_STATE": {severity: Policy, course: incoming},
	"CAN_RX_INVALID_FRAME":     {severity: Loss, course: incoming},
	"CANFD_RX_INVALID_FRAME":   {severity: Loss, course: incoming},
	"CANXL_RX_INVALID_FRAME":   {severity: Loss, course: incoming},
}

// networkReasons are those of the IP layer, neighbours and firewalls.
var networkReasons = map[string]reasonRow{
	"NETFILTER_DROP":          {severity: Policy},
	"OTHERHOST":               {severity: Benign, course: incoming},
	"IP_CSUM":                 {severity: Loss, course: incoming},
	"IP_INHDR":                {severity: Loss},
	"IP_RPFILTER":             {severity: Policy, course: incoming},
	"UNICAST_IN_L2_MULTICAST": {severity: Policy, course: incoming},
	"XFRM_POLICY":             {severity: Policy},
	"IP_NOPROTO":              {severity: Loss, course: incoming},
	"IP_OUTNOROUTES":          {severity: Loss, course: outgoing},
	"BPF_CGROUP_EGRESS":       {severity: Policy, course: outgoing},
	"IPV6DISABLED":            {severity: Policy},
	"NEIGH_CREATEFAIL":        {severity: Loss, course: outgoing},
	"NEIGH_FAILED":            {severity: Loss, course: outgoing},
	"NEIGH_QUEUEFULL":         {severity: Loss, course: outgoing},
	"NEIGH_DEAD":              {severity: Loss, course: outgoing},
	"NEIGH_HH_FILLFAIL":       {severity: Loss, course: outgoing},
	"IP_INADDRERRORS":         {severity: Loss, course: incoming},
	"IP_INNOROUTES":           {severity: Loss, course: incoming},
	"IP_LOCAL_SOURCE":         {severity: Policy, course: incoming},
	"IP_INVALID_SOURCE":       {severity: Policy, course: incoming},
	"IP_LOCALNET":             {severity: Policy, course: incoming},
	"IP_INVALID_DEST":         {severity: Policy, course: incoming},
	"DUP_FRAG":                {severity: Benign, course: incoming},
	"FRAG_REASM_TIMEOUT":      {severity: Loss, course: incoming},
	"FRAG_TOO_FAR":            {severity: Loss, course: incoming},
	"IPV6_BAD_EXTHDR":         {severity: Loss, course: incoming},
	"ARP_PVLAN_DISABLE":       {severity: Policy, course: incoming},
}

// transportReasons are those of transport protocols.
var transportReasons = map[string]reasonRow{
	"NO_SOCKET":                {severity: Benign, course: incoming},
	"TCP_CSUM":                 {severity: Loss, course: incoming},
	"UDP_CSUM":                 {severity: Loss, course: incoming},
	"PROTO_MEM":                {severity: Loss, course: incoming},
	"TCP_AUTH_HDR":             {severity: Policy, course: incoming},
	"TCP_MD5NOTFOUND":          {severity: Policy, course: incoming},
	"TCP_MD5UNEXPECTED":        {severity: Policy, course: incoming},
	"TCP_MD5FAILURE":           {severity: Policy, course: incoming},
	"TCP_AONOTFOUND":           {severity: Policy, course: incoming},
	"TCP_AOUNEXPECTED":         {severity: Policy, course: incoming},
	"TCP_AOKEYNOTFOUND":        {severity: Policy, course: incoming},
	"TCP_AOFAILURE":            {severity: Policy, course: incoming},
	"TCP_FLAGS":                {severity: Benign, course: incoming},
	"TCP_ABORT_ON_DATA":        {severity: Benign, course: incoming},
	"TCP_ZEROWINDOW":           {severity: Loss, course: incoming},
	"TCP_OLD_DATA":             {severity: Benign, course: incoming},
	"TCP_OVERWINDOW":           {severity: Loss, course: incoming},
	"TCP_OFOMERGE":             {severity: Benign, course: incoming},
	"TCP_RFC7323_PAWS":         {severity: Benign, course: incoming},
	"TCP_RFC7323_PAWS_ACK":     {severity: Benign, course: incoming},
	"TCP_RFC7323_TW_PAWS":      {severity: Benign, course: incoming},
	"TCP_RFC7323_TSECR":        {severity: Benign, course: incoming},
	"TCP_LISTEN_OVERFLOW":      {severity: Loss, course: incoming},
	"TCP_OLD_SEQUENCE":         {severity: Benign, course: incoming},
	"TCP_INVALID_SEQUENCE":     {severity: Benign, course: incoming},
	"TCP_INVALID_END_SEQUENCE": {severity: Benign, course: incoming},
	"TCP_INVALID_ACK_SEQUENCE": {severity: Benign, course: incoming},
	"TCP_RESET":                {severity: Benign, course: incoming},
	"TCP_INVALID_SYN":          {severity: Benign, course: incoming},
	"TCP_CLOSE":                {severity: Benign, course: incoming},
	"TCP_FASTOPEN":             {severity: Benign, course: incoming},
	"TCP_OLD_ACK":              {severity: Benign, course: incoming},
	"TCP_TOO_OLD_ACK":          {severity: Benign, course: incoming},
	"TCP_ACK_UNSENT_DATA":      {severity: Benign, course: incoming},
	"TCP_OFO_QUEUE_PRUNE":      {severity: Loss, course: incoming},
	"TCP_OFO_DROP":             {severity: Loss, course: incoming},
	"ICMP_CSUM":                {severity: Loss, course: incoming},
	"INVALID_PROTO":            {severity: Benign, course: incoming},
	"TCP_MINTTL":               {severity: Policy, course: incoming},
	"IPV6_NDISC_FRAG":          {severity: Policy, course: incoming},
	"IPV6_NDISC_HOP_LIMIT":     {severity: Policy, course: incoming},
	"IPV6_NDISC_BAD_CODE":      {severity: Policy, course: incoming},
	"IPV6_NDISC_BAD_OPTIONS":   {severity: Policy, course: incoming},
	"IPV6_NDISC_NS_OTHERHOST":  {severity: Benign, course: incoming},
	"PSP_INPUT":                {severity: Policy, course: incoming},
}

// socketReasons are those of sockets.
var socketReasons = map[string]reasonRow{
	"SOCKET_CLOSE":      {severity: Benign, course: incoming},
	"SOCKET_FILTER":     {severity: Policy, course: incoming},
	"SOCKET_RCVBUFF":    {severity: Loss, course: incoming},
	"UNIX_DISCONNECT":   {severity: Benign},
	"UNIX_SKIP_OOB":     {severity: Benign},
	"SOCKET_BACKLOG":    {severity: Loss, course: incoming},
	"PACKET_SOCK_ERROR": {severity: Loss, course: incoming},
}

// qdiscReasons are those of the way to the driver.
var qdiscReasons = map[string]reasonRow{
	"TC_EGRESS":         {severity: Policy, course: outgoing},
	"QDISC_DROP":        {severity: Loss, course: outgoing},
	"QDISC_OVERLIMIT":   {severity: Loss, course: outgoing},
	"QDISC_CONGESTED":   {severity: Loss, course: outgoing},
	"CAKE_FLOOD":        {severity: Loss, course: outgoing},
	"FQ_BAND_LIMIT":     {severity: Loss, course: outgoing},
	"FQ_HORIZON_LIMIT":  {severity: Loss, course: outgoing},
	"FQ_FLOW_LIMIT":     {severity: Loss, course: outgoing},
	"SKB_GSO_SEG":       {severity: Loss, course: outgoing},
	"SKB_BAD_GSO":       {severity: Loss, course: outgoing},
	"DUALPI2_STEP_DROP": {severity: Loss, course: outgoing},
	"RECURSION_LIMIT":   {severity: Loss, course: outgoing},
}

// driverReasons are those of drivers and virtual devices.
var driverReasons = map[string]reasonRow{
	"SKB_UCOPY_FAULT":     {severity: Loss},
	"DEV_HDR":             {severity: Loss},
	"DEV_READY":           {severity: Loss},
	"FULL_RING":           {severity: Loss},
	"TAP_FILTER":          {severity: Policy},
	"TAP_TXFILTER":        {severity: Policy},
	"VXLAN_INVALID_HDR":   {severity: Loss, course: incoming},
	"VXLAN_VNI_NOT_FOUND": {severity: Policy, course: incoming},
	"VXLAN_ENTRY_EXISTS":  {severity: Policy},
	"NO_TX_TARGET":        {severity: Loss, course: outgoing},
	"IP_TUNNEL_ECN":       {severity: Loss, course: incoming},
	"TUNNEL_TXINFO":       {severity: Loss, course: outgoing},
	"LOCAL_MAC":           {severity: Policy},
}

// sharedReasons are those of several layers.
var sharedReasons = map[string]reasonRow{
	"NOT_SPECIFIED": {severity: Loss},
	"PKT_TOO_SMALL": {severity: Loss, course: incoming},
	"SECURITY_HOOK": {severity: Policy},
	"SKB_CSUM":      {severity: Loss},
	"NOMEM":         {severity: Loss},
	"HDR_TRUNC":     {severity: Loss},
	"PKT_TOO_BIG":   {severity: Loss},
	"QUEUE_PURGE":   {severity: Benign},
	"PFMEMALLOC":    {severity: Loss, course: incoming},
	"PSP_OUTPUT":    {severity: Policy, course: outgoing},
}
