package dashboards

import (
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// A Board is a dashboard before it is built.
type Board struct {
	// Name is that of the file, without its extension; the UID is "packetscope-"
	// and the name.
	Name        string
	Title       string
	Description string
	// more are variables besides those that every board has.
	more []variable
	// marks are annotations besides the firing alerts and their explanations.
	marks []annotation
	rows  []row
}

// A row is a headline with panels below it.
type row struct {
	title string
	// folded rows are closed until the reader opens them: what is off by default,
	// or rarely needed.
	folded bool
	panels []panel
}

// tag marks the boards that link to each other.
const tag = "packetscope"

// UID returns the identifier in URLs and links.
func (b Board) UID() string { return uid(b.Name) }

func uid(name string) string { return "packetscope-" + name }

// Build returns the dashboard, or all faults of it: of the layout and of each
// query, with the title of its panel.
func (b Board) Build() (dashboard.Dashboard, error) {
	built, err := b.builder().Build()
	if err != nil {
		return built, err
	}
	place := layout{ids: make(map[uint32]string)}
	for _, r := range b.rows {
		if err := place.row(&built, r); err != nil {
			return built, fmt.Errorf("%s: %w", b.Name, err)
		}
	}
	var faults []error
	for _, err := range b.check(built) {
		faults = append(faults, fmt.Errorf("%s: %w", b.Name, err))
	}
	return built, errors.Join(faults...)
}

func (b Board) builder() *dashboard.DashboardBuilder {
	d := dashboard.NewDashboardBuilder(b.Title).
		Uid(b.UID()).
		Description(b.Description).
		Tags([]string{tag}).
		Time("now-1h", "now").
		Refresh("30s").
		Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Editable().
		Link(dashboard.NewDashboardLinkBuilder("PacketScope").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).
			IncludeVars(true).KeepTime(true))
	for _, v := range append(variables(), b.more...) {
		d.WithVariable(v)
	}
	for _, a := range b.annotations() {
		d.Annotation(a.builder())
	}
	return d
}

func (b Board) annotations() []annotation {
	return append([]annotation{firingAlerts, explanations}, b.marks...)
}

// A layout puts panels from left to right and from top to bottom.
type layout struct {
	y   uint32
	ids map[uint32]string // titles by id
}

func (l *layout) row(into *dashboard.Dashboard, r row) error {
	id, err := l.id("row " + r.title)
	if err != nil {
		return err
	}
	head, err := dashboard.NewRowBuilder(r.title).Id(id).Collapsed(r.folded).
		GridPos(dashboard.GridPos{H: 1, W: width, Y: l.y}).Build()
	if err != nil {
		return err
	}
	l.y++
	panels, err := l.panels(r)
	if err != nil {
		return fmt.Errorf("row %q: %w", r.title, err)
	}
	if r.folded {
		head.Panels = panels
	}
	into.Panels = append(into.Panels, dashboard.PanelOrRowPanel{RowPanel: &head})
	for i := range panels {
		if !r.folded {
			into.Panels = append(into.Panels, dashboard.PanelOrRowPanel{Panel: &panels[i]})
		}
	}
	return nil
}

// panels places the panels of a row in lines that each fill the width.
func (l *layout) panels(r row) ([]dashboard.Panel, error) {
	var all []dashboard.Panel
	x, height := uint32(0), uint32(0)
	for _, builder := range r.panels {
		p, err := builder.Build()
		if err != nil {
			return nil, err
		}
		title := *p.Title
		if p.GridPos == nil || p.GridPos.W == 0 || p.GridPos.H == 0 {
			return nil, fmt.Errorf("panel %q has no size", title)
		}
		if x > 0 && p.GridPos.H != height {
			return nil, fmt.Errorf("panel %q is %d high, its neighbour %d", title, p.GridPos.H, height)
		}
		height = p.GridPos.H
		p.GridPos.X, p.GridPos.Y = x, l.y
		if x += p.GridPos.W; x > width {
			return nil, fmt.Errorf("panel %q ends at column %d of %d", title, x, width)
		}
		if x == width {
			x, l.y = 0, l.y+height
		}
		id, err := l.id(title)
		if err != nil {
			return nil, err
		}
		p.Id = &id
		all = append(all, p)
	}
	if x != 0 {
		return nil, fmt.Errorf("the last line ends at column %d of %d", x, width)
	}
	return all, nil
}

// id makes a number of a title, so that links to a panel and annotations of it
// stay right when panels are added or moved.
func (l *layout) id(title string) (uint32, error) {
	hash := fnv.New32a()
	hash.Write([]byte(title))
	id := hash.Sum32() % 1_000_000
	if other, taken := l.ids[id]; taken {
		return 0, fmt.Errorf("panels %q and %q have the same id; rename one", other, title)
	}
	l.ids[id] = title
	return id, nil
}

// An annotation marks times on all graphs of a board.
type annotation struct {
	name   string
	expr   string
	colour string
	// title and text may name labels as {{label}}. Grafana reads them, and the
	// labels that become tags, from the annotation itself; the SDK does not know
	// them.
	title, text, tags string
	// stored are tags of annotations in Grafana's own store, any of which will do; then
	// there is no query.
	stored []string
}

// firingAlerts marks when alerts fire.
var firingAlerts = annotation{
	name: "Firing alerts", colour: red,
	expr:  firing,
	title: "{{alertname}}", text: "{{severity}} on {{instance}}", tags: "severity,area,instance",
}

// explanations are what the annotator has written about alerts of the chosen hosts, or of no
// host in particular. It gives each of them tags of its hosts, and others as sev:critical,
// which Grafana shows with the text. Any of the tags will do: somebody else's annotation with
// such a tag of a host is shown too.
var explanations = annotation{name: "Explanations", colour: purple, stored: []string{"$explained", "host:all"}}

// ownStore is the data source of what is stored in Grafana itself.
var ownStore = common.DataSourceRef{Type: cog.ToPtr("grafana"), Uid: cog.ToPtr("-- Grafana --")}

// mostExplanations is how many a board fetches, the newest first: more than that hide
// the graphs that they are about.
const mostExplanations = 100

// builder gives the query in both places where Grafana's versions read it.
func (a annotation) builder() cog.Builder[dashboard.AnnotationQuery] {
	if len(a.stored) > 0 {
		return dashboard.NewAnnotationQueryBuilder().
			Name(a.name).Datasource(ownStore).Enable(true).IconColor(a.colour)
	}
	expr := expand(a.expr)
	return dashboard.NewAnnotationQueryBuilder().
		Name(a.name).Datasource(source).Enable(true).IconColor(a.colour).Expr(expr).
		Target(prometheus.NewDataqueryBuilder().RefId("Anno").Expr(expr))
}
