package netns

import (
	"os"
	"testing"
)

func TestNamesKnowsTheOwnNamespace(t *testing.T) {
	own, err := OfThread()
	if err != nil {
		t.Fatal(err)
	}
	names := Names()
	if names[own] == "" {
		t.Errorf("this process %d lives in namespace %d, which has no name: %v", os.Getpid(), own, names)
	}
}
