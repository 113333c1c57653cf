from deskbell.cli import main

main()
