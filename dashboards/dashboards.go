package dashboards

// All lists the boards, in the order in which a reader goes from what is wrong to
// why.
func All() []Board {
	return []Board{overview(), stackBoard(), kernelPaths(), drops(), tcp(), guarderBoard(), paths(), annotatorBoard(), self()}
}
