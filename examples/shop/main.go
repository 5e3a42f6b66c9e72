// Command shop is the program behind examples/shop: a tiny shop whose data is
// in redis. It is here to be supervised, so it does as little as a real
// service can: it starts, it answers, it fails when redis is gone.
//
//	shop seed     fills redis with products, then ends
//	shop api      serves GET / (the products), POST /orders, and GET /healthz
//	shop worker   takes orders from a list and counts them
//	shop check    asks the api's /healthz; its exit status is the answer
//
// SHOP_REDIS and SHOP_HTTP say where redis and the api listen.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "shop: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: shop seed|api|worker|check")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	redisAddr, httpAddr := address("SHOP_REDIS", "127.0.0.1:16379"), address("SHOP_HTTP", "127.0.0.1:18080")
	switch args[0] {
	case "seed":
		return seed(redisAddr)
	case "api":
		return serve(ctx, httpAddr, redisAddr)
	case "worker":
		return work(ctx, redisAddr)
	case "check":
		return check(httpAddr)
	}
	return fmt.Errorf("unknown subcommand %q", args[0])
}

func address(variable, fallback string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return fallback
}
