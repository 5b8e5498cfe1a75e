package main

import "github.com/alecthomas/kingpin/v2"

// addLocate adds the verbs of Locator.
func addLocate(app *kingpin.Application) map[string]verb {
	locate := app.Command("locate", "Locator: show the paths to destinations hop by hop, and how they changed.")
	return map[string]verb{
		"locate history": addLocateHistory(locate),
		"locate diff":    addLocateDiff(locate),
	}
}
