from optimum_multilingual.commands.multilingual import MultilingualCommand

REGISTER_COMMANDS = [MultilingualCommand]
