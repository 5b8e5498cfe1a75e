// Package lines lets a test wait for what a program says, instead of for some time.
package lines
