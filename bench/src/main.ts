console.log(`bench: nothing to run yet (${process.argv.slice(2).join(" ") || "no arguments"})`)
