// Package deploy tests the ways to run PacketScope that this repository offers:
// compose.yaml at its top, and the Dockerfile, the systemd units and the Kubernetes
// manifests in cmd/packetscope/deploy.
//
// The plain tests read those files: that they are valid, that what they name exists
// and parses, that they pin what they run, listen where they say, and ask for the
// same privileges, which are those that "packetscope doctor" asks for.
//
// With the build tag "compose" (make test-compose) the tests build the images and
// bring the stack up, without a registry: see stack_compose_test.go.
package deploy
