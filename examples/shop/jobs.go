package main

import (
	"context"
	"fmt"
)

// seed replaces the products in one transaction, so that it may run any number
// of times and no reader sees half of it.
func seed(redisAddr string) error {
	r, err := dial(redisAddr)
	if err != nil {
		return err
	}
	defer r.close()
	products := []string{"kettle", "lamp", "notebook"}
	commands := [][]string{{"MULTI"}, {"DEL", "products"}, append([]string{"RPUSH", "products"}, products...), {"EXEC"}}
	for _, command := range commands {
		if _, err := r.do(patience, command...); err != nil {
			return fmt.Errorf("cannot seed: %w", err)
		}
	}
	fmt.Printf("seed: %d products\n", len(products))
	return nil
}

func work(ctx context.Context, redisAddr string) error {
	r, err := dial(redisAddr)
	if err != nil {
		return err
	}
	defer r.close()
	// A stop need not wait for redis: closing the connection ends the wait.
	defer context.AfterFunc(ctx, r.close)()
	fmt.Println("worker: waiting for orders")
	for {
		var order []string
		if order, err = r.do(forever, "BRPOP", "orders", "0"); err != nil {
			break
		}
		if _, err = r.do(patience, "INCR", "handled"); err != nil {
			break
		}
		fmt.Printf("worker: handled the order of %s\n", order[1])
	}
	if ctx.Err() == nil {
		return err
	}
	fmt.Println("worker: stopped")
	return nil
}
