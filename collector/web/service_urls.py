"""The addresses of the service desk."""

from django.urls import path

from collector.web.views import changes, oncall, problems, queues, visits

PAGES = [
    path("desk/", queues.queues, name="queues"),
    path("desk/give/<int:pk>", queues.give, name="desk-give"),
    path("desk/absence", queues.absence, name="desk-absence"),
    path("desk/rules/", queues.rules, name="desk-rules"),
    path("desk/people/<int:pk>", queues.person, name="desk-person"),
    path("desk/chains/<int:pk>", queues.rung, name="desk-rung"),
    path("desk/queues/<str:pk>", queues.queue, name="desk-queue"),
    path("on-call/", oncall.on_call, name="on-call"),
    path("on-call/rota", oncall.rota, name="on-call-rota"),
    path("on-call/<int:pk>/override", oncall.override, name="on-call-override"),
    path("on-call/<int:pk>/take-back", oncall.take_back, name="on-call-take-back"),
    path("on-call/<int:pk>/swap", oncall.ask_swap, name="on-call-swap"),
    path("on-call/swaps/<int:pk>/<str:name>", oncall.answer, name="on-call-answer"),
    path("visits/", visits.day, name="visits"),
    path("visits/plan", visits.plan, name="visit-plan"),
    path("visits/arrange", visits.arrange, name="visit-arrange"),
    path("visits/<int:pk>/", visits.visit, name="visit"),
    path("visits/<int:pk>/files", visits.attach, name="visit-files"),
    path("visits/<int:pk>/files/<int:number>", visits.file, name="visit-file"),
    path("visits/<int:pk>/do/<str:name>", visits.act, name="visit-act"),
    path("changes/", changes.change_list, name="changes"),
    path("changes/new", changes.new, name="change-new"),
    path("changes/calendar/", changes.calendar, name="change-calendar"),
    path("changes/freeze", changes.freeze, name="change-freeze"),
    path("changes/certified/", changes.certified, name="certified"),
    path("changes/<int:pk>/", changes.change, name="change"),
    path("changes/<int:pk>/tasks/<int:number>", changes.task, name="change-task"),
    path("changes/<int:pk>/do/<str:name>", changes.act, name="change-act"),
    path("problems/", problems.problem_list, name="problems"),
    path("problems/new", problems.new, name="problem-new"),
    path("problems/candidates/<int:pk>/<str:name>", problems.decide, name="problem-decide"),
    path("problems/<int:pk>/", problems.problem, name="problem"),
    path("problems/<int:pk>/do/<str:name>", problems.act, name="problem-act"),
]
