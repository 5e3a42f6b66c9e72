package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"systemg.org/sysg/pkg/api"
	"systemg.org/sysg/pkg/client"
)

// refresh is how often the table is shown anew where --stream does not say.
const refresh = time.Second

// display is a board on a terminal. Everything of it belongs to the goroutine
// in run; others send it functions.
type display struct {
	board
	app    *app
	screen *terminal
	news   chan func()
	// ended is why run is to return, nil while it is not.
	ended error
	over  bool
	// closes ends what feeds the page.
	closes context.CancelFunc
}

// newDisplay takes the terminal over; close gives it back.
func (a *app) newDisplay() (*display, error) {
	screen, err := newTerminal()
	if err != nil {
		return nil, fmt.Errorf("cannot use the terminal (--plain does without): %w", err)
	}
	d := &display{app: a, screen: screen, news: make(chan func())}
	d.width, d.height = screen.width, screen.height
	return d, nil
}

// until is a context that ends with a signal, so that the terminal is given back.
func (d *display) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		defer signal.Stop(signals)
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// watchTable is sysg status for a person at a terminal.
func (s *status) watchTable(ctx context.Context, a *app, pause time.Duration) error {
	if pause == 0 {
		pause = refresh
	}
	d, err := a.newDisplay()
	if err != nil {
		return err
	}
	defer d.screen.close()
	ctx, release := d.until(ctx)
	defer release()
	params := api.Status{All: s.all, StreamMillis: int(pause.Milliseconds())}
	go d.feed(ctx, func(conn *client.Conn) error {
		return conn.Watch(ctx, params, func(snapshot api.Snapshot) error {
			err := s.narrow(&snapshot)
			d.tell(ctx, func() { d.show(snapshot); d.fail(err) })
			return err
		})
	})
	return d.run(ctx)
}

// watchUnit is sysg inspect --stream for a person at a terminal.
func watchUnit(ctx context.Context, a *app, params api.Inspect) error {
	d, err := a.newDisplay()
	if err != nil {
		return err
	}
	defer d.screen.close()
	ctx, release := d.until(ctx)
	defer release()
	d.page = &page{title: params.Service, only: true, unit: api.Unit{
		Name: params.Service, Project: api.UnitProject{ID: params.Project},
	}}
	d.inspect(ctx, params)
	return d.run(ctx)
}

// feed runs what brings news on a connection of its own, and tells how it ends.
func (d *display) feed(ctx context.Context, bring func(*client.Conn) error) {
	conn, err := d.app.instance.another()
	if err == nil {
		defer func() { _ = conn.Close() }()
		err = bring(conn)
	}
	if ctx.Err() == nil {
		d.tell(ctx, func() { d.fail(err) })
	}
}

// tell has the display do something.
func (d *display) tell(ctx context.Context, do func()) {
	select {
	case d.news <- do:
	case <-ctx.Done():
	}
}

// fail ends the display for a reason.
func (d *display) fail(err error) {
	if err != nil {
		d.ended, d.over = err, true
	}
}

// run draws, and follows keys and news, until somebody leaves.
func (d *display) run(ctx context.Context) error {
	for !d.over {
		d.draw()
		select {
		case <-ctx.Done():
			return nil
		case do := <-d.news:
			do()
		case <-d.screen.resized:
			d.screen.measure()
			d.width, d.height = d.screen.width, d.screen.height
			d.clamp()
		case name, open := <-d.screen.keys:
			if !open {
				return nil
			}
			d.carryOut(ctx, d.key(name))
		}
	}
	return d.ended
}

// carryOut does what a key asks for.
func (d *display) carryOut(ctx context.Context, w wish) {
	switch w {
	case leave:
		d.over = true
	case closePage:
		d.turn(nil)
	case inspectUnit:
		unit := d.selected()
		d.turn(&page{title: unit.Name, unit: unit})
		d.inspect(ctx, api.Inspect{Project: unit.Project.ID, Service: unit.Name, Samples: samplesIn(time.Minute), StreamMillis: int(refresh.Milliseconds())})
	case explainUnit:
		d.explain(ctx, d.selected())
	case showLogs:
		d.logs(ctx, d.selected())
	case startUnit, stopUnit, restartUnit:
		d.mutate(ctx, w, d.selected())
	}
}

// turn shows another page, or with nil the table, and ends what fed the last.
func (d *display) turn(to *page) {
	if d.closes != nil {
		d.closes()
		d.closes = nil
	}
	d.page = to
}

// inspect fills the page with one unit, again and again.
func (d *display) inspect(ctx context.Context, params api.Inspect) {
	ctx, d.closes = context.WithCancel(ctx)
	p := d.page
	go d.feed(ctx, func(conn *client.Conn) error {
		_, err := conn.Inspect(ctx, params, func(inspection api.Inspection) error {
			text := renderInspection(inspection, d.app.out.width, false)
			d.tell(ctx, func() { p.lines = strings.Split(text, "\n") })
			return nil
		})
		return err
	})
}

// explain fills the page with why a unit is as it is.
func (d *display) explain(ctx context.Context, unit api.Unit) {
	d.turn(&page{title: unit.Name + " is " + unit.Health, unit: unit})
	p := d.page
	go d.feed(ctx, func(conn *client.Conn) error {
		links, err := conn.Why(ctx, api.Why{Project: unit.Project.ID, Service: unit.Name})
		text := renderWhy(links, false)
		d.tell(ctx, func() { p.lines = strings.Split(text, "\n") })
		return err
	})
}

// mutate starts, stops or restarts a unit, and tells what became of that.
func (d *display) mutate(ctx context.Context, w wish, unit api.Unit) {
	d.message = fmt.Sprintf("%s %s…", w, unit.Name)
	project, services := unit.Project.ID, []string{unit.Name}
	go func() {
		var result api.Result
		conn, err := d.app.instance.another()
		if err == nil {
			defer func() { _ = conn.Close() }()
			switch w {
			case startUnit:
				result, err = conn.Start(ctx, api.Start{Project: project, Services: services}, nil)
			case stopUnit:
				result, err = conn.Stop(ctx, api.Stop{Project: project, Services: services}, nil)
			default:
				result, err = conn.Restart(ctx, api.Restart{Project: project, Services: services}, nil)
			}
		}
		message := result.Message
		switch {
		case err != nil:
			message = err.Error()
		case len(result.Failed) > 0:
			message = result.Failed[0].Error()
		}
		d.tell(ctx, func() { d.message = message })
	}()
}

func (d *display) draw() { d.screen.draw(d.lines(), d.app.out.colour) }
