package config

import (
	"time"

	"github.com/packetscope/packetscope/internal/reload"
)

// A Reloader keeps the last good Config in force when a later one is bad.
type Reloader = reload.Reloader[Config]

// NewReloader is [reload.New].
func NewReloader(first Config, load func() (Config, error), apply func(before, after Config) error, now func() time.Time) *Reloader {
	return reload.New(first, load, apply, now)
}
