package otlp

import (
	"maps"
	"runtime"
	"slices"

	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
)

// A Resource is who tells of packets.
type Resource struct {
	// Host is the name of the host, and Release of its kernel; "" if it is not known.
	Host, Release string
	// Version is that of PacketScope.
	Version string
	// Attributes are others, which count more.
	Attributes map[string]string
}

// ServiceName is the service whose traces these are, if OTEL_SERVICE_NAME names no other.
const ServiceName = "packetscope"

func (r Resource) message() *resource.Resource {
	all := map[string]string{
		"service.name": ServiceName, "service.version": r.Version,
		"host.name": r.Host, "host.arch": runtime.GOARCH,
		"os.type": "linux", "os.version": r.Release,
	}
	maps.Copy(all, r.Attributes)
	var list []*common.KeyValue
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key] != "" {
			list = append(list, text(key, all[key]))
		}
	}
	return &resource.Resource{Attributes: list}
}
