package stack

import "maps"

// reasonTable has what PacketScope knows about the reasons for which kernels drop
// packets, by name (include/net/dropreason-core.h of Linux 6.18, and what older ones
// have besides). Their numbers differ from kernel to kernel and are not here.
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
	"CPU_BACKLOG":              {severity: Loss, course: incoming, text: "packets arrive faster than this CPU handles them: backlog full (netdev_max_backlog)"},
	"XDP":                      {severity: Policy, course: incoming, text: "an XDP program drops the packet"},
	"TC_INGRESS":               {severity: Policy, course: incoming, text: "a traffic control filter or BPF program drops the packet as it arrives"},
	"UNHANDLED_PROTO":          {severity: Benign, course: incoming, text: "nothing on this host handles this kind of Ethernet packet"},
	"TC_COOKIE_ERROR":          {severity: Loss, text: "traffic control could not keep its place in the filters"},
	"TC_CHAIN_NOTFOUND":        {severity: Loss, text: "a traffic control filter names a chain that does not exist"},
	"TC_RECLASSIFY_LOOP":       {severity: Loss, text: "traffic control filters send the packet in a circle"},
	"MAC_INVALID_SOURCE":       {severity: Policy, text: "the sender's hardware address is none that can send"},
	"MAC_IEEE_MAC_CONTROL":     {severity: Benign, course: incoming, text: "a frame for the bridge itself (spanning tree, pause), which is not forwarded"},
	"BRIDGE_INGRESS_STP_STATE": {severity: Policy, course: incoming, text: "the bridge port does not forward (spanning tree)"},
	"CAN_RX_INVALID_FRAME":     {severity: Loss, course: incoming, text: "a faulty CAN frame"},
	"CANFD_RX_INVALID_FRAME":   {severity: Loss, course: incoming, text: "a faulty CAN FD frame"},
	"CANXL_RX_INVALID_FRAME":   {severity: Loss, course: incoming, text: "a faulty CAN XL frame"},
}

// networkReasons are those of the IP layer, neighbours and firewalls.
var networkReasons = map[string]reasonRow{
	"NETFILTER_DROP":          {severity: Policy, text: "a firewall rule (nftables, iptables) drops the packet"},
	"OTHERHOST":               {severity: Benign, course: incoming, text: "the packet is for another machine: a promiscuous device or a switch that floods"},
	"IP_CSUM":                 {severity: Loss, course: incoming, text: "wrong IPv4 header checksum: damaged on the way"},
	"IP_INHDR":                {severity: Loss, text: "the IP header is faulty, or the packet was forwarded too often (TTL expired)"},
	"IP_RPFILTER":             {severity: Policy, course: incoming, text: "the sender is not reachable by the device the packet came from (rp_filter)"},
	"UNICAST_IN_L2_MULTICAST": {severity: Policy, course: incoming, text: "a packet to one host in a broadcast frame, which RFC 1122 forbids"},
	"XFRM_POLICY":             {severity: Policy, text: "an IPsec policy forbids the packet, or it should have been encrypted"},
	"IP_NOPROTO":              {severity: Loss, course: incoming, text: "nothing on this host handles this IP protocol"},
	"IP_OUTNOROUTES":          {severity: Loss, course: outgoing, text: "no route to the destination"},
	"BPF_CGROUP_EGRESS":       {severity: Policy, course: outgoing, text: "a BPF program of the sender's cgroup drops the packet"},
	"IPV6DISABLED":            {severity: Policy, text: "IPv6 is disabled on the device"},
	"NEIGH_CREATEFAIL":        {severity: Loss, course: outgoing, text: "no room for another neighbour (gc_thresh3)"},
	"NEIGH_FAILED":            {severity: Loss, course: outgoing, text: "the next hop does not answer ARP or neighbour discovery"},
	"NEIGH_QUEUEFULL":         {severity: Loss, course: outgoing, text: "too many packets wait for the address of the next hop"},
	"NEIGH_DEAD":              {severity: Loss, course: outgoing, text: "the entry of the next hop was being removed"},
	"NEIGH_HH_FILLFAIL":       {severity: Loss, course: outgoing, text: "the hardware header of the next hop could not be written"},
	"IP_INADDRERRORS":         {severity: Loss, course: incoming, text: "an address that this host cannot handle: it may not forward, or the host is unreachable"},
	"IP_INNOROUTES":           {severity: Loss, course: incoming, text: "no route to the destination of a packet that this host was to forward"},
	"IP_LOCAL_SOURCE":         {severity: Policy, course: incoming, text: "a packet from outside that claims to come from this host"},
	"IP_INVALID_SOURCE":       {severity: Policy, course: incoming, text: "the sender's address is none that can send"},
	"IP_LOCALNET":             {severity: Policy, course: incoming, text: "an address of 127.0.0.0/8 on a device that is not loopback"},
	"IP_INVALID_DEST":         {severity: Policy, course: incoming, text: "the destination address is none that can receive"},
	"DUP_FRAG":                {severity: Benign, course: incoming, text: "a fragment that has been received before"},
	"FRAG_REASM_TIMEOUT":      {severity: Loss, course: incoming, text: "not all fragments of the packet came in time"},
	"FRAG_TOO_FAR":            {severity: Loss, course: incoming, text: "too many other fragments came since the first one of this packet"},
	"IPV6_BAD_EXTHDR":         {severity: Loss, course: incoming, text: "a faulty IPv6 extension header"},
	"ARP_PVLAN_DISABLE":       {severity: Policy, course: incoming, text: "an ARP request to its own segment, and proxying that is off (proxy_arp_pvlan)"},
}

// transportReasons are those of transport protocols.
var transportReasons = map[string]reasonRow{
	"NO_SOCKET":                {severity: Benign, course: incoming, text: "nobody listens on this port, or the connection is gone; the sender is told so"},
	"TCP_CSUM":                 {severity: Loss, course: incoming, text: "wrong TCP checksum: damaged on the way, or checksum offloading is broken"},
	"UDP_CSUM":                 {severity: Loss, course: incoming, text: "wrong UDP checksum: damaged on the way, or checksum offloading is broken"},
	"PROTO_MEM":                {severity: Loss, course: incoming, text: "the memory of the protocol is used up (tcp_mem, udp_mem)"},
	"TCP_AUTH_HDR":             {severity: Policy, course: incoming, text: "the TCP authentication options are malformed"},
	"TCP_MD5NOTFOUND":          {severity: Policy, course: incoming, text: "no TCP MD5 signature, and one is required (BGP)"},
	"TCP_MD5UNEXPECTED":        {severity: Policy, course: incoming, text: "a TCP MD5 signature, and none is configured for the peer"},
	"TCP_MD5FAILURE":           {severity: Policy, course: incoming, text: "wrong TCP MD5 signature: the keys differ"},
	"TCP_AONOTFOUND":           {severity: Policy, course: incoming, text: "no TCP authentication option, and one is required"},
	"TCP_AOUNEXPECTED":         {severity: Policy, course: incoming, text: "a TCP authentication option, and none is configured for the peer"},
	"TCP_AOKEYNOTFOUND":        {severity: Policy, course: incoming, text: "a TCP authentication key that this host does not have"},
	"TCP_AOFAILURE":            {severity: Policy, course: incoming, text: "wrong TCP authentication hash: the keys differ"},
	"TCP_FLAGS":                {severity: Benign, course: incoming, text: "TCP flags that do not go together or not with the state of the connection"},
	"TCP_ABORT_ON_DATA":        {severity: Benign, course: incoming, text: "data for a connection that the application has closed already"},
	"TCP_ZEROWINDOW":           {severity: Loss, course: incoming, text: "data though the receive window is closed: the application does not read"},
	"TCP_OLD_DATA":             {severity: Benign, course: incoming, text: "a duplicate: the data has been received before"},
	"TCP_OVERWINDOW":           {severity: Loss, course: incoming, text: "data beyond the receive window"},
	"TCP_OFOMERGE":             {severity: Benign, course: incoming, text: "a duplicate of data that waits out of order"},
	"TCP_RFC7323_PAWS":         {severity: Benign, course: incoming, text: "an old duplicate by its timestamp (RFC 7323)"},
	"TCP_RFC7323_PAWS_ACK":     {severity: Benign, course: incoming, text: "an old duplicate acknowledgement by its timestamp (RFC 7323)"},
	"TCP_RFC7323_TW_PAWS":      {severity: Benign, course: incoming, text: "an old packet by its timestamp for a connection that is closed (RFC 7323)"},
	"TCP_RFC7323_TSECR":        {severity: Benign, course: incoming, text: "an impossible timestamp echo (RFC 7323)"},
	"TCP_LISTEN_OVERFLOW":      {severity: Loss, course: incoming, text: "the application does not accept connections fast enough: accept queue full"},
	"TCP_OLD_SEQUENCE":         {severity: Benign, course: incoming, text: "a segment from before what the connection expects"},
	"TCP_INVALID_SEQUENCE":     {severity: Benign, course: incoming, text: "a segment outside the window of the connection"},
	"TCP_INVALID_END_SEQUENCE": {severity: Benign, course: incoming, text: "a segment that ends outside the window of the connection"},
	"TCP_INVALID_ACK_SEQUENCE": {severity: Benign, course: incoming, text: "an acknowledgement of what was never sent, or long ago"},
	"TCP_RESET":                {severity: Benign, course: incoming, text: "the peer reset the connection; its reset is dropped when it has been handled"},
	"TCP_INVALID_SYN":          {severity: Benign, course: incoming, text: "a SYN in the middle of a connection"},
	"TCP_CLOSE":                {severity: Benign, course: incoming, text: "the connection is closed"},
	"TCP_FASTOPEN":             {severity: Benign, course: incoming, text: "data in a Fast Open SYN that was received before"},
	"TCP_OLD_ACK":              {severity: Benign, course: incoming, text: "an acknowledgement that is older than the last one"},
	"TCP_TOO_OLD_ACK":          {severity: Benign, course: incoming, text: "an acknowledgement that is far older than the last one"},
	"TCP_ACK_UNSENT_DATA":      {severity: Benign, course: incoming, text: "an acknowledgement of data that was not sent yet"},
	"TCP_OFO_QUEUE_PRUNE":      {severity: Loss, course: incoming, text: "data that waited out of order was thrown away for want of memory"},
	"TCP_OFO_DROP":             {severity: Loss, course: incoming, text: "data that came out of order does not fit into memory"},
	"ICMP_CSUM":                {severity: Loss, course: incoming, text: "wrong ICMP checksum: damaged on the way"},
	"INVALID_PROTO":            {severity: Benign, course: incoming, text: "the packet belongs to no protocol that this host expects here"},
	"TCP_MINTTL":               {severity: Policy, course: incoming, text: "the packet came from too many hops away (IP_MINTTL)"},
	"IPV6_NDISC_FRAG":          {severity: Policy, course: incoming, text: "a fragmented neighbour discovery message, which is forbidden"},
	"IPV6_NDISC_HOP_LIMIT":     {severity: Policy, course: incoming, text: "a neighbour discovery message that was forwarded, which is forbidden"},
	"IPV6_NDISC_BAD_CODE":      {severity: Policy, course: incoming, text: "a neighbour discovery message with an unknown code"},
	"IPV6_NDISC_BAD_OPTIONS":   {severity: Policy, course: incoming, text: "a neighbour discovery message with faulty options"},
	"IPV6_NDISC_NS_OTHERHOST":  {severity: Benign, course: incoming, text: "a neighbour solicitation for another host"},
	"PSP_INPUT":                {severity: Policy, course: incoming, text: "PSP: not encrypted with the key of the connection"},
}

// socketReasons are those of sockets.
var socketReasons = map[string]reasonRow{
	"SOCKET_CLOSE":      {severity: Benign, course: incoming, text: "the socket was closed with data in it that the application had not read"},
	"SOCKET_FILTER":     {severity: Policy, course: incoming, text: "a filter on the socket (SO_ATTACH_FILTER, cgroup) rejects the packet"},
	"SOCKET_RCVBUFF":    {severity: Loss, course: incoming, text: "the application does not read fast enough: receive buffer full"},
	"UNIX_DISCONNECT":   {severity: Benign, text: "a Unix socket was connected elsewhere with data in it"},
	"UNIX_SKIP_OOB":     {severity: Benign, text: "a Unix socket skipped out-of-band data"},
	"SOCKET_BACKLOG":    {severity: Loss, course: incoming, text: "packets arrive faster than the application lets go of the socket: backlog full"},
	"PACKET_SOCK_ERROR": {severity: Loss, course: incoming, text: "a packet socket (tcpdump) could not take its copy"},
}

// qdiscReasons are those of the way to the driver.
var qdiscReasons = map[string]reasonRow{
	"TC_EGRESS":         {severity: Policy, course: outgoing, text: "a traffic control filter or BPF program drops the packet on its way out"},
	"QDISC_DROP":        {severity: Loss, course: outgoing, text: "the queue of the device is full, or its discipline drops the packet"},
	"QDISC_OVERLIMIT":   {severity: Loss, course: outgoing, text: "the queue of the device is full"},
	"QDISC_CONGESTED":   {severity: Loss, course: outgoing, text: "the queueing discipline signals congestion by a drop (AQM)"},
	"CAKE_FLOOD":        {severity: Loss, course: outgoing, text: "the flow floods the queue of the device (cake)"},
	"FQ_BAND_LIMIT":     {severity: Loss, course: outgoing, text: "the queue for this priority is full (fq)"},
	"FQ_HORIZON_LIMIT":  {severity: Loss, course: outgoing, text: "the packet is to be sent too far in the future (fq)"},
	"FQ_FLOW_LIMIT":     {severity: Loss, course: outgoing, text: "the flow has too many packets in the queue (fq)"},
	"SKB_GSO_SEG":       {severity: Loss, course: outgoing, text: "a large packet could not be cut into segments"},
	"SKB_BAD_GSO":       {severity: Loss, course: outgoing, text: "a large packet is malformed and cannot be cut into segments"},
	"DUALPI2_STEP_DROP": {severity: Loss, course: outgoing, text: "the queueing discipline signals congestion by a drop (dualpi2)"},
	"RECURSION_LIMIT":   {severity: Loss, course: outgoing, text: "virtual devices send to each other in a circle"},
}

// driverReasons are those of drivers and virtual devices.
var driverReasons = map[string]reasonRow{
	"SKB_UCOPY_FAULT":     {severity: Loss, text: "data could not be copied from a virtual machine or program (tun, tap)"},
	"DEV_HDR":             {severity: Loss, text: "the header of the device could not be written"},
	"DEV_READY":           {severity: Loss, text: "the device is down or not ready"},
	"FULL_RING":           {severity: Loss, text: "the queue to the reader of a virtual device is full"},
	"TAP_FILTER":          {severity: Policy, text: "a filter of the tap device rejects the packet"},
	"TAP_TXFILTER":        {severity: Policy, text: "the address filter of the tap device rejects the packet"},
	"VXLAN_INVALID_HDR":   {severity: Loss, course: incoming, text: "a faulty VXLAN header"},
	"VXLAN_VNI_NOT_FOUND": {severity: Policy, course: incoming, text: "no VXLAN device for this network identifier"},
	"VXLAN_ENTRY_EXISTS":  {severity: Policy, text: "the hardware address is known to be elsewhere (VXLAN learning)"},
	"NO_TX_TARGET":        {severity: Loss, course: outgoing, text: "the device has no port or peer to send to"},
	"IP_TUNNEL_ECN":       {severity: Loss, course: incoming, text: "the congestion marks inside and outside of a tunnel contradict each other"},
	"TUNNEL_TXINFO":       {severity: Loss, course: outgoing, text: "the tunnel device was not told where to send"},
	"LOCAL_MAC":           {severity: Policy, text: "the destination is a hardware address of this host"},
}

// sharedReasons are those of several layers.
var sharedReasons = map[string]reasonRow{
	"NOT_SPECIFIED": {severity: Loss, text: "the kernel gives no reason here; the function tells where"},
	"PKT_TOO_SMALL": {severity: Loss, course: incoming, text: "the packet is shorter than its headers say: damaged or forged"},
	"SECURITY_HOOK": {severity: Policy, text: "a security module (SELinux, AppArmor, Smack) forbids the packet"},
	"SKB_CSUM":      {severity: Loss, text: "wrong checksum, found when it was needed"},
	"NOMEM":         {severity: Loss, text: "the kernel is out of memory"},
	"HDR_TRUNC":     {severity: Loss, text: "the packet ends in the middle of a header"},
	"PKT_TOO_BIG":   {severity: Loss, text: "the packet is larger than the link carries (MTU) and must not be cut; the sender is told so"},
	"QUEUE_PURGE":   {severity: Benign, text: "what waited in a queue was thrown away with it: a device or a socket was closed"},
	"PFMEMALLOC":    {severity: Loss, course: incoming, text: "memory is short: only packets that help to free memory are let through"},
	"PSP_OUTPUT":    {severity: Policy, course: outgoing, text: "PSP: the packet would leave without the encryption that it needs"},
}
