package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/guarder"
)

// guarderFlags say which agent of Guarder is shown.
type guarderFlags struct {
	sockets  *[]string
	optional *bool
}

func addGuarderFlags(command *kingpin.CmdClause) guarderFlags {
	return guarderFlags{
		sockets: command.Flag("guarder.socket", "Expose what Guarder does, as its agent (packetscope guard run) tells on this socket: that of --status-socket, or, for root, "+defaultSocket+
			"; of several, the first that there is.").PlaceHolder("PATH").Strings(),
		optional: command.Flag("guarder.optional", "Expose nothing of Guarder where no such socket is; without this it is a failure of the collector.").Bool(),
	}
}

// source returns the agent to read, or nil if none is named.
func (f guarderFlags) source() collector.GuarderReader {
	if len(*f.sockets) == 0 {
		return nil
	}
	return guarderSource{*f.sockets, *f.optional}
}

// A guarderSource is the agent behind the first of some sockets that there is. An agent
// leaves its socket behind when it ends, as it does the policy: so one that is there
// must answer.
type guarderSource struct {
	sockets  []string
	optional bool
}

// Status implements [collector.GuarderReader].
func (s guarderSource) Status() (guarder.Status, error) {
	client, err := s.client()
	if err != nil {
		return guarder.Status{}, err
	}
	return client.Status()
}

// Hits implements [collector.GuarderReader].
func (s guarderSource) Hits() (guarder.HitList, error) {
	client, err := s.client()
	if err != nil {
		return guarder.HitList{}, err
	}
	return client.Hits()
}

// Bans implements [bansReader].
func (s guarderSource) Bans() (guarder.BanList, error) {
	client, err := s.client()
	if err != nil {
		return guarder.BanList{}, err
	}
	return client.Bans()
}

// client returns the agent's, or [collector.ErrNoGuarder].
func (s guarderSource) client() (guarder.Client, error) {
	for _, socket := range s.sockets {
		if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
			return guarder.Client{Socket: socket}, nil
		}
	}
	if s.optional {
		return guarder.Client{}, fmt.Errorf("%w: no agent has made %s", collector.ErrNoGuarder, strings.Join(s.sockets, " or "))
	}
	return guarder.Client{Socket: s.sockets[0]}, nil
}
