package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// print writes the list for people to read, with the columns that they asked for.
func (l socketList) print(w io.Writer, namespaces, owners bool) error {
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	row := func(r []string) { fmt.Fprintln(table, strings.Join(r, "\t")) }
	headings := []string{"PROTOCOL", "STATE", "RECV-Q", "SEND-Q", "LOCAL", "PEER"}
	if namespaces {
		headings = append(headings, "NAMESPACE")
	}
	if owners {
		headings = append(headings, "PROCESS", "CONTAINER", "CGROUP")
	}
	row(headings)
	for _, s := range l.Sockets {
		columns := []string{
			s.Protocol, s.State, fmt.Sprint(s.ReceiveQueue), fmt.Sprint(s.TransmitQueue), s.Local, cmp.Or(s.Peer, "*"),
		}
		if namespaces {
			columns = append(columns, fmt.Sprint(s.Namespace))
		}
		if owners {
			process := "-"
			if s.PID != 0 {
				process = fmt.Sprintf("%s[%d]", s.Process, s.PID)
			}
			columns = append(columns, process, cmp.Or(s.Container, "-"), cmp.Or(s.Cgroup, "-"))
		}
		row(columns)
	}
	table.Flush() // into memory
	if l.NamespacesUnseen > 0 {
		fmt.Fprintf(&b, "\n%d of %d network namespaces could not be read (that takes CAP_SYS_ADMIN).\n",
			l.NamespacesUnseen, l.NamespacesSeen+l.NamespacesUnseen)
	}
	_, err := w.Write(b.Bytes())
	return err
}
