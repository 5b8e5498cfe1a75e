package mtu

// common are MTUs that links often have, so that they are tried before their neighbours.
var common = [...]int{
	9000, // jumbo frames
	1500, // Ethernet, RFC 894
	1492, // PPPoE, RFC 2516 section 7
	1480, // IP in IP, RFC 2003
	1476, // GRE, RFC 2784
	1460, // networks of Google's cloud
	1450, // VXLAN, RFC 7348
	1420, // WireGuard over IPv6
	1400, // a round number, for tunnels of many kinds
	1280, // the least of IPv6, RFC 8200 section 5
	576,  // what each host of IPv4 takes, RFC 791
}

// sizeWeights returns how likely the sizes from least-1, at which nothing passes, to first
// are the MTU before anything is known. The shares are a guess of ours: a quarter is that
// of the device, a quarter has one of the common sizes, a half any.
func sizeWeights(least, first int) []float64 {
	weights := make([]float64, first-least+2)
	for i := range weights {
		weights[i] = 1
	}
	span := float64(len(weights))
	weights[len(weights)-1] += span / 2
	for _, size := range common {
		if i := size - least + 1; i > 0 && i < len(weights) {
			weights[i] += span / 2 / float64(len(common))
		}
	}
	return weights
}
