package config

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// DefaultAddress is where the annotator listens.
const DefaultAddress = ":10143"

// DefaultStore is where the store is.
const DefaultStore = "/var/lib/packetscope-annotator/annotator.db"

// Default returns what is in force where the file is silent. What is 0 is for the
// packages to choose.
func Default() Config {
	return Config{
		Listen:    Listen{Address: DefaultAddress},
		Store:     store.Config{Path: DefaultStore},
		Evidence:  evidence.Defaults,
		Reconcile: time.Minute,
		// A storm of alerts is not to become one of invoices: 300,000 tokens are 60
		// questions of the greatest size.
		Model:    model.Config{Budget: model.Budget{CallsPerMinute: 6, TokensPerDay: 300_000, ReserveCritical: 0.3}},
		CacheTTL: time.Hour,
		Storm:    Storm{Episodes: 50, Asked: 5},
		Suggest:  Suggest{Enabled: true, MaxTTL: 4 * time.Hour, MaxOpen: 20, IPv4Bits: 24, IPv6Bits: 48},
	}
}
