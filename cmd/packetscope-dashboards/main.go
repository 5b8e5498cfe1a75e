// Command packetscope-dashboards writes PacketScope's Grafana dashboards, and the
// files that make Grafana load them.
//
//	packetscope-dashboards write dashboards     # into dashboards/json and dashboards/provisioning
//	packetscope-dashboards check dashboards     # say what is out of date, and fail
//	packetscope-dashboards list
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/packetscope/packetscope/dashboards"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "packetscope-dashboards:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	app := kingpin.New("packetscope-dashboards", "Grafana dashboards of PacketScope.")
	app.UsageWriter(out)
	app.HelpFlag.Short('h')
	write := app.Command("write", "Write the dashboards and the provisioning files.")
	into := write.Arg("folder", "Folder that gets json and provisioning.").Default("dashboards").String()
	check := app.Command("check", "Fail if files are missing, differ, or should not be there.")
	of := check.Arg("folder", "Folder that holds json and provisioning.").Default("dashboards").String()
	list := app.Command("list", "List the dashboards.")
	command, err := app.Parse(args)
	if err != nil {
		return fmt.Errorf("%w; try --help", err)
	}
	files, err := dashboards.Files()
	if err != nil {
		return err
	}
	switch command {
	case write.FullCommand():
		return writeFiles(*into, files, out)
	case check.FullCommand():
		return checkFiles(*of, files)
	case list.FullCommand():
		for _, b := range dashboards.All() {
			fmt.Fprintf(out, "%-24s%s\n", b.UID(), b.Title)
		}
	}
	return nil
}

func writeFiles(dir string, files map[string][]byte, out io.Writer) error {
	changed, err := dashboards.Write(dir, files)
	for _, path := range changed {
		fmt.Fprintln(out, path)
	}
	return err
}

func checkFiles(dir string, files map[string][]byte) error {
	differ, err := dashboards.Compare(dir, files)
	if err != nil {
		return err
	}
	if len(differ) > 0 {
		return fmt.Errorf("out of date in %s: %v; run packetscope-dashboards write %[1]s", dir, differ)
	}
	return nil
}
